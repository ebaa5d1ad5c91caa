import { createRequire } from "node:module";

/**
 * V8 lets the young generation grow to 48 MB, and the old one to several times what is in use. What is drawn for a
 * person, and what is prepared for thousands of tables, is soon garbage: both generations stay small from now on. Rows
 * as NDJSON gain nothing by it. The flags are those of V8 in Node.js 20 to 24; it reads them whenever it decides.
 */
export function keepHeapSmall(): void {
  // Loaded when it is needed, and at once: thousands of tables may come in one chunk.
  const v8 = createRequire(import.meta.url)("node:v8") as typeof import("node:v8");
  v8.setFlagsFromString("--semi-space-growth-factor=1");
  v8.setFlagsFromString("--heap-growing-percent=50");
}
