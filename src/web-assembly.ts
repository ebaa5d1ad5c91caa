/** Modules of WebAssembly: of one function, written by hand, or made by the build. */

/** The part that is used: TypeScript declares these types only together with the browser's. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports?: object) => { exports: unknown };
}
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

const PAGE_BYTES = 64 * 1024;
export const I32 = 0x7f;
export const V128 = 0x7b;

/** (import "e" "m" (memory 1)) (func (export "f") (param i32…) (result i32) (local…) body) */
export class WasmFunction<Call> {
  readonly #bytes: () => Uint8Array<ArrayBuffer>;
  #module: object | undefined;

  /** @param body made when it is needed: most runs need none */
  constructor(params: number, locals: readonly number[], body: () => readonly number[]) {
    this.#bytes = () => {
      const code = [locals.length, ...locals.flatMap((type) => [1, type]), ...body()];
      return new Uint8Array([
        ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        ...section(1, [1, 0x60, params, ...Array.from({ length: params }, () => I32), 1, I32]),
        ...section(2, [1, ...name("e"), ...name("m"), 2, 0, 1]),
        ...section(3, [1, 0]),
        ...section(7, [1, ...name("f"), 0, 0]),
        ...section(10, [1, ...unsigned(code.length), ...code]),
      ]);
    };
  }

  /** The function, and memory of its own that it reads. */
  withMemory(bytes: number): { readonly buffer: ArrayBuffer; readonly call: Call } {
    this.#module ??= new wasm.Module(this.#bytes());
    const initial = Math.ceil(bytes / PAGE_BYTES);
    const memory = new wasm.Memory({ initial, maximum: initial });
    const { exports } = new wasm.Instance(this.#module, { e: { m: memory } });
    return { buffer: memory.buffer, call: (exports as { f: Call }).f };
  }
}

/** What a module exports that needs nothing from outside. */
export function exportsOf(bytes: Uint8Array<ArrayBuffer>): unknown {
  return new wasm.Instance(new wasm.Module(bytes)).exports;
}

export const BLOCK = [0x02, 0x40];
export const LOOP = [0x03, 0x40];
export const CLOSE = 0x0b;
/** Out of the block around the loop. */
export const OUT_IF = [0x0d, 1];
export const AGAIN = [0x0c, 0];
/** i32.gt_u */
export const GREATER = 0x4b;
export const ADD = 0x6a;

export function get(local: number): readonly number[] {
  return [0x20, local];
}

export function set(local: number): readonly number[] {
  return [0x21, local];
}

/** Up to 8191. */
export function constant(value: number): readonly number[] {
  // Signed LEB128: bit 6 of the last byte is the sign, which none of these values sets.
  return [0x41, ...(value < 0x40 ? [value] : [(value & 0x7f) | 0x80, value >> 7])];
}

/** LEB128 */
export function unsigned(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function name(text: string): readonly number[] {
  return [text.length, text.charCodeAt(0)];
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...unsigned(content.length), ...content];
}
