import type { RowPrinter } from "../../postgres/messages/messages.ts";
import { RowKernel } from "../../render/ndjson/row-kernel.ts";

/** One for all captures. Null: it cannot be had. */
let kernel: RowKernel | null | undefined;

/** Undefined without WebAssembly, or memory for it: then all rows are messages, which takes longer. */
export function kernelRows(rowsBy: (kernel: RowKernel) => RowPrinter): RowPrinter | undefined {
  if (kernel === undefined) {
    try {
      kernel = new RowKernel();
    } catch {
      kernel = null;
    }
  }
  return kernel === null ? undefined : rowsBy(kernel);
}
