import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { type RunResult, spawnWalctl, walctl } from "./support/program/cli.ts";
import { fixture } from "./support/golden/golden.ts";
import { textWidth } from "../src/render/terminal/text-width.ts";
import { WALCTL_COMMAND, openTerminal } from "./support/program/terminal.ts";
import { Traces } from "./support/program/traces.ts";

const sh = promisify(execFile);

/** What the shop's day looks like to logical decoding, a transaction a line. */
const KINDS = [
  ["begin", "relation", "insert", "insert", "insert", "commit"],
  ["begin", "relation", "insert", "insert", "type", "relation", "insert", "commit"],
  ["begin", "update", "commit"],
  ["begin", "update", "commit"],
  ["begin", "update", "commit"],
  ["begin", "message", "commit"],
  ["begin", "relation", "insert", "commit"],
  ["begin", "delete", "delete", "commit"],
  ["begin", "relation", "truncate", "commit"],
].flat();

type Line = Readonly<Record<string, unknown>>;

function parseLines(stdout: string): readonly Line[] {
  assert.ok(stdout.endsWith("\n"));
  return stdout
    .slice(0, -1)
    .split("\n")
    .map((line): Line => JSON.parse(line));
}

describe("walctl demo", () => {
  let traces: Traces;
  beforeEach(async () => {
    traces = await Traces.watch();
  });
  afterEach(async () => {
    await traces.forget();
  });
  const env = (): Record<string, string> => ({ TMPDIR: traces.folder });

  it("prints the screen that docs/formats.md shows", async () => {
    const timeless = (text: string): string =>
      text.replaceAll(/^── [\d-]+/gm, "── day").replaceAll(/^[\d:]{8} \d+/gm, "time xid");
    const [, shown = ""] =
      /^The demo, on 80 columns:\n\n```\n([^]*?)^```/m.exec(
        Buffer.from(fixture("docs/formats.md")).toString(),
      ) ?? [];
    const { stdout } = await walctl(["demo", "-F", "table", "--width", "80"], { env: env() });
    assert.equal(timeless(stdout), timeless(shown));
  });

  describe("into a pipe", () => {
    let result: RunResult;
    let lines: readonly Line[];
    let left: readonly string[];
    before(async () => {
      const place = await Traces.watch();
      // The caller's libpq environment is about other servers.
      const hostile = { PGPORT: "1", PGHOST: "nowhere.invalid", PGOPTIONS: "-c bogus=1" };
      result = await walctl(["demo"], { env: { TMPDIR: place.folder, ...hostile } });
      lines = parseLines(result.stdout);
      left = await place.left();
      await place.forget();
    });

    it("prints NDJSON, one of every kind, and leaves nothing behind", () => {
      assert.equal(result.status, 0, result.stderr);
      assert.match(result.stderr, /^(walctl: .*\n)+$/);
      assert.match(result.stderr, /the server and its folder are gone\n$/);
      const kinds = lines.map((line) => line["kind"]);
      assert.deepEqual(kinds, KINDS);
      assert.deepEqual(left, []);
    });

    it("shows old rows, old keys and what was not sent", () => {
      const [paid, mailed, renumbered] = lines.filter(({ kind }) => kind === "update");
      const status = (row: unknown): unknown => (row as Line)["status"];
      assert.deepEqual([status(paid?.["old"]), status(paid?.["new"])], ["new", "paid"]);
      assert.deepEqual(mailed?.["unchanged"], ["letter"]);
      assert.deepEqual(renumbered?.["key"], { id: 3 });
    });

    it("ends silently when the reader closes the pipe", async () => {
      const child = spawnWalctl(["demo", "--quiet"], { env: env() });
      child.closeStdout();
      const { status, stderr } = await child.exit();
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(await traces.left(), []);
    });
  });

  async function tablesOn(columns: number): Promise<void> {
    const options = { columns, rows: 40, env: env() };
    const terminal = await openTerminal(`${WALCTL_COMMAND} demo`, options);
    try {
      assert.equal(await terminal.exit(), 0);
      const text = await terminal.text();
      assert.match(text, /── \d{4}-\d\d-\d\d UTC, schema shop ──/);
      assert.match(text, /~ orders .*new → paid/);
      assert.match(text, /× carts/);
      assert.match(text, /the server and its folder are gone$/);
      for (const line of text.split("\n")) assert.ok(textWidth(line) <= columns, line);
    } finally {
      await terminal.close();
    }
  }

  it("draws tables on terminals of 80 and 200 columns", async () => {
    await Promise.all([tablesOn(80), tablesOn(200)]);
    assert.deepEqual(await traces.left(), []);
  });

  it("ends at Ctrl-C in the middle and leaves nothing behind", async () => {
    const terminal = await openTerminal(`${WALCTL_COMMAND} demo`, {
      columns: 100,
      rows: 40,
      env: env(),
    });
    try {
      await terminal.waitFor("Ada");
      await terminal.press("C-c");
      assert.equal(await terminal.exit(), 0);
      assert.doesNotMatch(await terminal.text(), /TRUNCATE|error/);
      assert.deepEqual(await traces.leftAtLast(), []);
    } finally {
      await terminal.close();
    }
  });

  it("ends at SIGINT while the server is being set up", async () => {
    const child = spawnWalctl(["demo"], { env: env() });
    try {
      await traces.appears();
      const { status, stderr } = await child.stop("SIGINT");
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(await traces.leftAtLast(), []);
    } finally {
      await child.dispose();
    }
  });

  it("leaves nothing behind when it is killed", async () => {
    const child = spawnWalctl(["demo"], { env: env() });
    try {
      await child.nextLine();
      await child.stop("SIGKILL");
      assert.deepEqual(await traces.leftAtLast(), []);
    } finally {
      await child.dispose();
    }
  });

  describe("--keep", () => {
    /** The command of that kind which was printed to be pasted. */
    function commandIn({ stderr }: RunResult, start: string): string {
      const command = stderr.split("\n").find((line) => line.startsWith(`  ${start} `));
      assert.ok(command !== undefined, stderr);
      return command.trim();
    }

    it("leaves a server that the printed commands reach, and then remove", async () => {
      const result = await walctl(["demo", "--keep"], { env: env() });
      try {
        assert.equal(result.status, 0);
        const psql = commandIn(result, "psql");
        const insert = `${psql} -X -c "INSERT INTO shop.carts VALUES (7, 'spoon')"`;
        assert.match((await sh("/bin/sh", ["-c", insert])).stdout, /INSERT 0 1/);
        const tail = commandIn(result, "walctl").replace(/^walctl/, WALCTL_COMMAND);
        const { stdout } = await sh("/bin/sh", ["-c", `${tail} --endpos now`]);
        assert.match(stdout, /"new":\{"customer":7,"product":"spoon"\}/);
      } finally {
        await sh("/bin/sh", ["-c", commandIn(result, "kill")]);
      }
      assert.deepEqual(await traces.leftAtLast(), []);
    });
  });
});
