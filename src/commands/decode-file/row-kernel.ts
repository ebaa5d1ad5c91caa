import type { RowPrinter } from "../../postgres/messages/messages.ts";
import { RowKernel } from "../../render/ndjson/row-kernel.ts";

/** One for all captures. */
let kernel: RowKernel | "none" | undefined;

/** Undefined without WebAssembly, or memory for it: then all rows are messages, which takes longer. */
export function kernelRows(rowsBy: (kernel: RowKernel) => RowPrinter): RowPrinter | undefined {
  if (kernel === undefined) {
    try {
      kernel = new RowKernel();
    } catch {
      kernel = "none";
    }
  }
  return kernel === "none" ? undefined : rowsBy(kernel);
}
