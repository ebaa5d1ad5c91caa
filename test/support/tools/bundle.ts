/**
 * Bundles dist/src/main.js with its packages into dist/walctl: a file for each thing that is loaded lazily, and files
 * for what several of these share. esbuild makes one of the latter for each set of sharers, many of a few lines, where
 * each file costs Node.js a third of a millisecond: so the small ones become one.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, type Metafile, build } from "esbuild";

const FOLDER = "dist/walctl";
const SHARED = "shared.js";
const TAIL = "dist/src/commands/tail/tail.js";
/** Every start loads them all: larger ones are left out, which many starts do without. */
const SMALL_BYTES = 5000;
/** Loaded by Node.js itself before any program: to import these costs nothing. */
const BUILTINS = /^(node:)?(buffer|events|fs|module|path|stream|timers|url|util)$/;

const OPTIONS = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
} satisfies BuildOptions;

type Output = Metafile["outputs"][string];

/** What is loaded together with that output. */
function loadedWith(
  outputs: Metafile["outputs"],
  path: string,
  seen = new Set<string>(),
): Set<string> {
  seen.add(path);
  for (const each of outputs[path]!.imports) {
    const follows = each.kind !== "dynamic-import" && each.external !== true;
    if (follows && !seen.has(each.path)) loadedWith(outputs, each.path, seen);
  }
  return seen;
}

/**
 * The small files that tail loads and that import nothing but each other, without any that exports a name which another
 * one exports. What only other commands load would have to be evaluated at each start.
 */
function smallFiles(outputs: Metafile["outputs"]): ReadonlyMap<string, Output> {
  const tail = Object.keys(outputs).find((path) => outputs[path]!.entryPoint === TAIL) ?? "";
  const loaded = loadedWith(outputs, tail);
  const small = new Map<string, Output>();
  const names = new Set<string>();
  const paths = [...loaded].toSorted((a, b) => outputs[a]!.bytes - outputs[b]!.bytes);
  const mayJoin = ({ entryPoint, bytes, imports, exports }: Output): boolean =>
    entryPoint === undefined &&
    bytes <= SMALL_BYTES &&
    imports.every(({ path, external }) => (external ? BUILTINS.test(path) : small.has(path))) &&
    exports.every((name) => !names.has(name));
  for (;;) {
    const joins = paths.find((path) => !small.has(path) && mayJoin(outputs[path]!));
    if (joins === undefined) return small;
    small.set(joins, outputs[joins]!);
    for (const name of outputs[joins]!.exports) names.add(name);
  }
}

rmSync(FOLDER, { recursive: true, force: true });
const { metafile } = await build({
  ...OPTIONS,
  entryPoints: ["dist/src/main.js"],
  outdir: FOLDER,
  splitting: true,
  external: ["pg-native"],
  metafile: true,
});
const small = [...smallFiles(metafile.outputs).keys()].map((path) => path.slice(FOLDER.length + 1));
await build({
  ...OPTIONS,
  stdin: {
    contents: small.map((name) => `export * from "./${name}";`).join(""),
    resolveDir: FOLDER,
  },
  outfile: join(FOLDER, SHARED),
  // Of what is in it, esbuild's `require` for the packages that are CommonJS.
  banner: {
    js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
  },
});
for (const name of small) rmSync(join(FOLDER, name));
const shared = new RegExp(
  String.raw`"\./(?:${small.join("|").replaceAll(".", String.raw`\.`)})"`,
  "g",
);
for (const name of readdirSync(FOLDER)) {
  const path = join(FOLDER, name);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(shared, `"./${SHARED}"`));
}
