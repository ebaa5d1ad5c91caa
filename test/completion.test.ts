/** Completion as the shells do it: bash always, zsh and fish where they are installed. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { PROGRAM, childEnvironment, walctl } from "./support/program/cli.ts";
import { type TestServer, startServer } from "./support/server/server.ts";
import { openTerminal } from "./support/program/terminal.ts";
import { findTool } from "./support/tools/tools.ts";

const run = promisify(execFile);

/** What is typed, the cursor at its end; and what may stand there, among other things or alone. */
const CASES: ReadonlyArray<
  readonly [words: readonly string[], expected: readonly string[], alone: boolean]
> = [
  [["ta"], ["tail"], true],
  [["d"], ["decode-file", "drop-publication", "drop-slot", "doctor", "demo"], true],
  [["tail", "--sl"], ["--slot"], false],
  [["tail", "-S", ""], ["other_slot", "shop_slot"], true],
  [["tail", "--slot", "sh"], ["shop_slot"], true],
  [["tail", "-P", "p"], ["p"], true],
  [["doctor", "-S", "sh"], ["shop_slot"], true],
  [["tail", "--streaming", ""], ["off", "on", "parallel"], true],
  [["drop-slot", "sh"], ["shop_slot"], true],
  [["advance-slot", "sh"], ["shop_slot"], true],
  [["setup-publication", "p"], ["p"], true],
  [["drop-publication", "p"], ["p"], true],
  [["publications", "p"], ["p"], true],
  [["completion", ""], ["bash", "zsh", "fish"], true],
  [["help", "ta"], ["tail"], true],
  [["tail", "--only", "ins"], ["insert"], true],
  [["decode-file", "--only", "stream_c"], ["stream_commit"], true],
  [["tail", "-t", "public."], ["public.t"], true],
  [["tail", "--only-table", "pu"], ["public.t"], true],
  [["slots", "-d", "ot"], ["other"], true],
  [["slots", "--"], ["--watch", "--format", "--dbname", "--help"], false],
  // Another database has publications of its own.
  [["tail", "-d", "other", "-P", ""], ["elsewhere"], true],
];

describe("completion", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p");
    await server.sql(`CREATE PUBLICATION "My ""Pub"" $x"`);
    await server.sql(`CREATE PUBLICATION "two\nlines"`);
    await server.sql("SELECT pg_create_logical_replication_slot('shop_slot', 'pgoutput')");
    await server.sql("SELECT pg_create_physical_replication_slot('other_slot')");
    await server.sql("CREATE DATABASE other");
    await walctl(["setup-publication", "elsewhere", "--all-tables", "-d", "other"], { server });
    folder = await mkdtemp(join(tmpdir(), "walctl-completion-"));
    for (const shell of ["bash", "zsh", "fish"]) {
      const { status, stdout } = await walctl(["completion", shell]);
      assert.equal(status, 0);
      await writeFile(join(folder, shell), stdout);
    }
  });
  after(async () => {
    await server.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs a shell with its script, and gives the lines that it prints. */
  async function shellLines(shell: string, args: readonly string[]): Promise<string[]> {
    const env = childEnvironment({ server });
    const { stdout, stderr } = await run(shell, [...args], { env });
    assert.equal(stderr, "");
    return stdout.split("\n").filter((line) => line !== "");
  }

  async function inBash(words: readonly string[]): Promise<string[]> {
    const script = `walctl() { '${process.execPath}' '${PROGRAM}' "$@"; }
      . '${join(folder, "bash")}'
      COMP_WORDS=(walctl "$@"); COMP_CWORD=$#
      $(complete -p walctl | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return await shellLines("bash", ["--norc", "-uc", script, "bash", ...words]);
  }

  async function inFish(words: readonly string[]): Promise<string[]> {
    const script = `function walctl; '${process.execPath}' '${PROGRAM}' $argv; end
      source '${join(folder, "fish")}'
      complete -C "walctl $argv"`;
    const lines = await shellLines("fish", ["--no-config", "-c", script, ...words]);
    return lines.map((line) => line.split("\t", 1)[0] ?? "");
  }

  function matches(found: readonly string[], expected: readonly string[], alone: boolean): void {
    if (alone) assert.deepEqual(found.toSorted(), expected.toSorted());
    else for (const word of expected) assert.ok(found.includes(word), `${word} in ${found.join()}`);
  }

  for (const [words, expected, alone] of CASES) {
    test(`bash: walctl ${words.join(" ")}`, async () => {
      matches(await inBash(words), expected, alone);
    });
  }

  test("bash: values after =, names that need quotes, files", async () => {
    assert.deepEqual(await inBash(["tail", "--format", "=", "t"]), ["table"]);
    assert.deepEqual(await inBash(["tail", "--slot", "="]), ["other_slot", "shop_slot"]);
    assert.deepEqual(await inBash(["tail", "-P", "M"]), [String.raw`My\ \"Pub\"\ \$x`]);
    assert.deepEqual(await inBash(["decode-file", join(folder, "ba")]), [join(folder, "bash")]);
  });

  test("fish: the same", { skip: findTool("fish") === undefined }, async () => {
    for (const [words, expected, alone] of CASES) {
      // fish gives descriptions of its own order, and long options for `--`.
      matches(await inFish(words), expected, alone);
    }
    assert.deepEqual(await inFish(["tail", "-P", "M"]), ['My "Pub" $x']);
  });

  test("zsh: in a terminal", { skip: findTool("zsh") === undefined }, async () => {
    await run("zsh", ["-n", join(folder, "zsh")]);
    const shell = `PS1='> ' zsh -f`;
    const terminal = await openTerminal(shell, { columns: 80, rows: 24, server });
    const type = async (text: string): Promise<void> => await terminal.press("-l", text);
    try {
      await terminal.waitFor(">");
      await type(`walctl() { '${process.execPath}' '${PROGRAM}' "$@" }`);
      await terminal.press("Enter");
      await type(
        `autoload -U compinit && compinit -D && . '${join(folder, "zsh")}' && echo rea''dy`,
      );
      await terminal.press("Enter");
      await terminal.waitFor("ready\n");
      for (const [typed, completed] of [
        ["walctl ta", "walctl tail "],
        ["walctl tail -S sh", "walctl tail -S shop_slot"],
        ["walctl tail -P M", String.raw`walctl tail -P My\ \"Pub\"\ \$x`],
        ["walctl tail --slot=sh", "walctl tail --slot=shop_slot"],
        ["walctl drop-slot sh", "walctl drop-slot shop_slot"],
        ["walctl completion f", "walctl completion fish"],
        ["walctl tail -d other -P ", "walctl tail -d other -P elsewhere"],
      ] as const) {
        await type(typed);
        await terminal.press("Tab");
        await terminal.waitFor(`> ${completed.trimEnd()}`);
        await terminal.press("C-u");
      }
    } finally {
      await terminal.close();
    }
  });

  test("without a server nothing is said", async () => {
    for (const args of [["slots"], ["publications"], ["nonsense"]]) {
      const env = { PGHOST: "/nonexistent" };
      const { status, stdout, stderr } = await walctl(["__complete", ...args], { env });
      assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    }
    const odd = await walctl(["__complete", "slots", "--", "tail", "-d", "postgres://x:y:z"]);
    assert.deepEqual([odd.status, odd.stdout, odd.stderr], [0, "", ""]);
  });
});
