/** The kernels: src/kernel is AssemblyScript, and the build makes a module of WebAssembly of each entry. */
import { readFileSync } from "node:fs";

/** The part that is used: TypeScript declares these types only together with the browser's. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { exports: unknown };
}
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

/** An exported variable. */
export interface Global {
  readonly value: number;
}

const PAGE_BYTES = 64 * 1024;
const modules = new Map<string, object>();

/**
 * What the kernel exports, and memory of its own for it.
 * @throws if there is no WebAssembly, no such module, or no memory
 */
export function loadKernel(
  name: "crc32c" | "rows" | "text",
  bytes: number,
): { readonly buffer: ArrayBuffer; readonly exports: unknown } {
  let code = modules.get(name);
  if (code === undefined) {
    // The build puts it beside this file and into the bundle.
    code = new wasm.Module(readFileSync(new URL(`${name}.wasm`, import.meta.url)));
    modules.set(name, code);
  }
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new wasm.Memory({ initial: pages, maximum: pages });
  const { exports } = new wasm.Instance(code, { env: { memory } });
  return { buffer: memory.buffer, exports };
}
