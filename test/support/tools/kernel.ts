/** Compiles src/kernel to a module for each entry, beside the file that loads them and into the bundle. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const SOURCES = "src/kernel";
const ENTRIES = ["crc32c", "rows", "text"];
const COMPILER = "node_modules/assemblyscript/bin/asc.js";
const OPTIONS = [
  "-O3",
  "--runtime",
  "stub",
  "--noAssert",
  "--use",
  "abort=",
  "--enable",
  "simd",
  "--importMemory",
  "--noExportMemory",
];

function isCurrent(module: string): boolean {
  if (!existsSync(module)) return false;
  const { mtimeMs } = statSync(module);
  const sources = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  return [...sources, import.meta.filename].every((path) => statSync(path).mtimeMs < mtimeMs);
}

for (const entry of ENTRIES) {
  const module = `dist/src/${entry}.wasm`;
  if (!isCurrent(module)) {
    const args = [COMPILER, join(SOURCES, `${entry}.ts`), "-o", module, ...OPTIONS];
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) throw new Error(`${SOURCES}/${entry}.ts could not be compiled`);
  }
  copyFileSync(module, `dist/walctl/${entry}.wasm`);
}
