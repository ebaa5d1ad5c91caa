import { readFileSync } from "node:fs";
import { RowKernel } from "../../render/ndjson/row-kernel.ts";

let kernel: RowKernel | null | undefined;

/** One for all captures. Undefined if it cannot be had: without WebAssembly, or memory for it. */
export function rowKernel(): RowKernel | undefined {
  if (kernel === undefined) {
    try {
      // The build puts it beside this file and into the bundle.
      kernel = new RowKernel(new Uint8Array(readFileSync(new URL("rows.wasm", import.meta.url))));
    } catch {
      kernel = null;
    }
  }
  return kernel ?? undefined;
}
