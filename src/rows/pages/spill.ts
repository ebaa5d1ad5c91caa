/** A file for what memory has no room for. */
export interface Spill {
  /** Writes at its end, or over what is at `at`. Returns where. */
  write(bytes: Uint8Array, at?: number): number;
  /** Fills `bytes` with what was written there, and returns them. */
  read(at: number, bytes: Uint8Array): Uint8Array;
  /** Nothing written is needed any more. */
  clear(): void;
}

/** The memory for pages, changes and values each, without what else goes to a file. */
export const MEMORY_BYTES = 64 * 1024 * 1024;
