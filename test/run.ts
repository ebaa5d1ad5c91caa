/**
 * Runs the built tests whose path holds one of the words given: `npm test -- render`. Without a word: all but
 * `*.long.*`. With --long these, with --matrix `*.matrix.*`, whose results depend on the server's version, with --pure
 * those that need no server.
 * Node 20's runner knows no patterns and takes every file of a folder `test` for a test.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

// From dist/test to test: of a test that was removed, tsc leaves what it built.
const SOURCES = fileURLToPath(new URL("../../test", import.meta.url));
/** Most of them wait for servers and signals most of the time: on two cores four take 290 s where two took 365. */
const CONCURRENCY = 4;
/** For a file as a whole too: one that hangs fails, instead of holding up the rest for ever. The longest takes minutes. */
const TIMEOUT_MS = 1_500_000;

/** Which tests an option stands for. */
const KINDS: Readonly<Record<string, (path: string) => boolean>> = {
  "--long": (path) => path.includes(".long."),
  "--matrix": (path) => path.includes(".matrix."),
  "--pure": (path) => !path.includes(".pg.") && !path.includes(".long."),
};

function testFiles(words: readonly string[], kind: string | undefined): readonly string[] {
  const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
  const tests = sources.filter((path) => path.endsWith(".test.ts")).toSorted();
  const isOfKind = KINDS[kind ?? ""] ?? ((path) => !path.includes(".long."));
  const wanted = tests.filter((path) =>
    words.length === 0 ? isOfKind(path) : words.some((word) => path.includes(word)),
  );
  return wanted.map((path) => join(import.meta.dirname, path.replace(/\.ts$/, ".js")));
}

function main(args: readonly string[]): number {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const kind = args.find((arg) => arg in KINDS);
  const files = testFiles(words, kind);
  if (files.length === 0) {
    console.error(`no tests fit: ${args.join(" ")}`);
    return 1;
  }
  const flags = args.filter((arg) => arg.startsWith("-") && arg !== kind);
  const limits = [`--test-concurrency=${CONCURRENCY}`, `--test-timeout=${TIMEOUT_MS}`];
  // A file that has finished ends, whatever it left open.
  const options = ["--test", "--test-force-exit", ...limits, "--test-reporter=spec", ...flags];
  const paths = files.map((file) => relative(".", file));
  return spawnSync(process.execPath, [...options, ...paths], { stdio: "inherit" }).status ?? 1;
}

process.exitCode = main(process.argv.slice(2));
