/** Compiles src/render/ndjson/kernel to rows.wasm, beside the file that loads it and into the bundle. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const SOURCES = "src/render/ndjson/kernel";
const OUTPUT = "dist/src/commands/decode-file/rows.wasm";
/** Up to the end of the output and a little more. */
const PAGES = "150";

const OPTIONS = [
  ...["-O3", "--runtime", "stub", "--noAssert", "--use", "abort=", "--enable", "simd"],
  ...["--initialMemory", PAGES, "--maximumMemory", PAGES],
];

function isCurrent(): boolean {
  if (!existsSync(OUTPUT)) return false;
  const { mtimeMs } = statSync(OUTPUT);
  const sources = [
    ...readdirSync(SOURCES).map((name) => join(SOURCES, name)),
    import.meta.filename,
  ];
  return sources.every((path) => statSync(path).mtimeMs < mtimeMs);
}

if (!isCurrent()) {
  const compiler = "node_modules/assemblyscript/bin/asc.js";
  const args = [compiler, join(SOURCES, "rows.ts"), "-o", OUTPUT, ...OPTIONS];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error("the kernel could not be compiled");
}
copyFileSync(OUTPUT, "dist/walctl/rows.wasm");
