/**
 * Bundles dist/src/main.js with its packages into dist/walctl: a file for each thing that is loaded lazily, and files
 * for what several of these share. esbuild makes one of the latter for each set of sharers, many of a few lines, where
 * each file costs Node.js a third of a millisecond: so those that are loaded together are joined, layer by layer.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, type Metafile, build } from "esbuild";

const FOLDER = "dist/walctl";
const TAIL = "commands/tail/tail";
const DECODE_FILE = "commands/decode-file/decode-file";
const SLOTS = "commands/slots/slots";
/**
 * The joined files: what any or all of these modules load, without what is in a file above. So none imports from a file
 * below it.
 */
const LAYERS = {
  start: { any: ["main", "program/context"] },
  messages: { all: [TAIL, DECODE_FILE] },
  server: { all: [TAIL, SLOTS] },
  stream: { all: [TAIL] },
} satisfies Record<string, { readonly any: string[] } | { readonly all: string[] }>;

const OPTIONS = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
} satisfies BuildOptions;

type Outputs = Metafile["outputs"];

/** What is loaded together with that output. */
function loadedWith(outputs: Outputs, path: string, seen = new Set<string>()): Set<string> {
  seen.add(path);
  for (const each of outputs[path]!.imports) {
    const follows = each.kind !== "dynamic-import" && each.external !== true;
    if (follows && !seen.has(each.path)) loadedWith(outputs, each.path, seen);
  }
  return seen;
}

/** What is loaded with that module of src. */
function loadedBy(outputs: Outputs, module: string): Set<string> {
  const entry = `dist/src/${module}.js`;
  const path = Object.keys(outputs).find((each) => outputs[each]!.entryPoint === entry);
  if (path === undefined) throw new Error(`${entry} is not loaded lazily any more: see LAYERS`);
  return loadedWith(outputs, path);
}

/** `import * from` would leave out a name that two files export. */
function requireDistinctNames(outputs: Outputs, paths: readonly string[]): void {
  const names = paths.flatMap((path) => outputs[path]!.exports);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Error(`"${twice}" is exported twice: give one another name`);
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
const { outputs } = metafile;
const layerOf = new Map<string, string>();
for (const [layer, members] of Object.entries(LAYERS)) {
  const sets = Object.values(members)
    .flat()
    .map((module) => loadedBy(outputs, module));
  const belongs = "any" in members ? sets.some.bind(sets) : sets.every.bind(sets);
  const joined = Object.keys(outputs).filter(
    (path) =>
      belongs((each) => each.has(path)) &&
      outputs[path]!.entryPoint === undefined &&
      !layerOf.has(basename(path)),
  );
  requireDistinctNames(outputs, joined);
  const files = joined.map((path) => basename(path));
  for (const file of files) layerOf.set(file, `${layer}.js`);
  await build({
    ...OPTIONS,
    stdin: {
      contents: files.map((file) => `export * from "./${file}";`).join(""),
      resolveDir: FOLDER,
    },
    external: readdirSync(FOLDER)
      .filter((file) => !files.includes(file))
      .map((file) => `./${file}`),
    outfile: join(FOLDER, `${layer}.js`),
    // What esbuild's `require` calls, for the packages that are CommonJS.
    banner: {
      js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
    },
  });
}
for (const file of layerOf.keys()) rmSync(join(FOLDER, file));
for (const file of readdirSync(FOLDER)) {
  const path = join(FOLDER, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    text.replaceAll(/"\.\/([\w-]+\.js)"/g, (all, name: string) =>
      layerOf.has(name) ? `"./${layerOf.get(name)!}"` : all,
    ),
  );
}
