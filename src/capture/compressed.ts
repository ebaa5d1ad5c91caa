/** Compression is recognised by a file's first bytes, not by its name. */
import { ExitCode } from "../errors.ts";
import { InputError } from "./formats/input-error.ts";
import type { Compression } from "./compression.ts";

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
];
/** How many bytes are needed to recognise compression. */
export const MAGIC_BYTES = 4;

/** Undefined if `head` shows no compression that walctl knows. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0];
}

export interface Peeked {
  readonly compression: Compression | undefined;
  /** All chunks, including those that were read to recognise the compression. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Reads as many of `chunks` as are needed to recognise compression. */
export async function peekCompression(chunks: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const rest = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  for (;;) {
    const next = await rest.next();
    if (next.done === true) break;
    // The source may overwrite a chunk's bytes once the next one is requested.
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    if (head.length >= MAGIC_BYTES) break;
    head = head.slice();
  }
  return {
    compression: compressionOf(head),
    chunks: withHead(head, rest),
  };
}

/** Closes `rest`, and with it a file, even if the caller stops early. */
async function* withHead(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}

/** Yields the decompressed bytes of a capture. Throws InputError if the compressed bytes are damaged. */
export async function* uncompressed(
  name: string,
  { chunks, compression }: Peeked & { readonly compression: Compression },
): AsyncGenerator<Uint8Array, void, void> {
  const { CompressionError, decompressed } = await import("./compression.ts");
  try {
    yield* decompressed(copied(chunks), compression);
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    throw damagedCompression(name, error);
  }
}

/** Copies each chunk: a decompressor may still use the last one when it requests the next. */
async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) yield chunk.slice();
}

export function damagedCompression(name: string, error: Error): InputError {
  return new InputError(`${name}: its compressed bytes are damaged: ${error.message}`, {
    exitCode: ExitCode.malformedInput,
    cause: error,
  });
}
