/** What tail's flags come to, and that all of them are judged before anything is opened. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { OutputStream } from "../../../src/program/context.ts";
import { type TailConfig, type TailFlags, tailConfig } from "../../../src/commands/tail/config.ts";
import { ExitCode, WalctlError } from "../../../src/errors.ts";
import { pgTimeFromUnixMs } from "../../../src/pg-time.ts";

const FLAGS: TailFlags = {
  dbname: "shop",
  host: "db.example",
  username: "reader",
  format: "auto",
  color: "auto",
  values: "json",
  statusInterval: "10",
  loop: true,
};

function configOf(flags: Partial<TailFlags>, isTerminal = false): TailConfig {
  const stream: OutputStream = { stream: new PassThrough(), isTerminal, width: () => 80 };
  return tailConfig(
    { ...FLAGS, ...flags },
    {},
    { stdout: stream, stderr: stream, stop: new AbortController().signal },
  );
}

test("what is not given has its default", () => {
  const config = configOf({ publication: ["p", "q"] }, true);
  const { pgoutput, target, acknowledge, createMissing, file, output } = config;
  assert.deepEqual([...pgoutput.publications], ["p", "q"]);
  assert.deepEqual([pgoutput.streaming, pgoutput.origin, pgoutput.binary], ["off", "any", false]);
  assert.deepEqual(
    [target.database, acknowledge, createMissing, file],
    ["shop", false, false, undefined],
  );
  assert.equal(output.format, "table");
});

test("--until midnight is the next one, since tail waits for what is still to come", () => {
  assert.ok(Number(configOf({ until: "midnight" }).until) > Number(pgTimeFromUnixMs(Date.now())));
});

test("-o FILE is NDJSON also on a terminal; -o - is standard output", () => {
  const toFile = configOf({ output: "out.ndjson" }, true);
  assert.deepEqual([toFile.file, toFile.output.format], ["out.ndjson", "ndjson"]);
  const toStandardOutput = configOf({ output: "-" }, true);
  assert.deepEqual([toStandardOutput.file, toStandardOutput.output.format], [undefined, "table"]);
});

test("--endpos latest is --endpos now", () => {
  assert.deepEqual(
    [configOf({ endpos: "latest" }).endpos, configOf({ endpos: "Now" }).endpos],
    ["now", "now"],
  );
});

test("with --bootstrap the flags say what the first publication publishes", () => {
  const flags = { publication: ["p"], slot: "s", ackFrom: "f" };
  const bootstrap = { ...flags, table: ["shop.orders"], bootstrap: true };
  const { plan, acknowledge, ackFrom } = configOf(bootstrap);
  assert.deepEqual([plan?.name, plan?.tables.length, acknowledge, ackFrom], ["p", 1, true, "f"]);
  assert.equal(configOf(flags).plan, undefined);
  // The name that hints and doctor propose.
  const unnamed = configOf({ bootstrap: true, table: ["orders"] });
  assert.deepEqual([unnamed.plan?.name, ...unnamed.pgoutput.publications], ["walctl", "walctl"]);
});

const REFUSED: ReadonlyArray<readonly [flags: Partial<TailFlags>, message: RegExp]> = [
  [{ bootstrap: true, publication: ["p"], table: ["a.b WHERE"] }, /a\.b WHERE/],
  [{ publication: ["p"], table: ["t"] }, /^--table says what --bootstrap publishes$/],
  [{ publication: ["p"], allTables: true }, /^--all-tables says what --bootstrap publishes$/],
  [{ ack: true }, /^to acknowledge there must be a slot to advance$/],
  [{ startpos: "7" }, /^--startpos takes an LSN such as 16\/B374D848, not "7"$/],
  [{ endpos: "soon" }, /^--endpos takes an LSN/],
  [{ startpos: "now" }, /^--startpos takes an LSN/],
  [{ limit: "0" }, /^--limit takes a whole number of at least 1, not "0"$/],
  [{ statusInterval: "0" }, /^--status-interval takes a number of seconds/],
  [{ format: "wal2json", streaming: "on" }, /^--streaming sends what may still be rolled back/],
  [{ format: "debezium", safeNumbers: true }, /^--safe-numbers is for --format ndjson/],
  [{ expanded: true }, /^--expanded is for tables, and the output is NDJSON$/],
  [{ only: "inserts" }, /^--only: no message is of the kind "inserts"$/],
  [{ summary: true, output: "out.ndjson" }, /^--output holds changes, not a summary$/],
  [{ since: "yesteryear" }, /^--since takes a time such as/],
  [{ until: "2026-13-01" }, /^--until takes a time such as/],
  [{ since: "2026-02-01", until: "2026-01-01" }, /^--since is after --until/],
  [{ since: "2026-02-01", streaming: "on" }, /^--since needs commit times/],
  [{ since: "2026-02-01", twoPhase: true }, /^--since needs commit times/],
  [{ output: "out", capture: "out" }, /are the same file$/],
];

for (const [flags, message] of REFUSED) {
  test(`refused before anything is opened: ${JSON.stringify(flags)}`, () => {
    assert.throws(
      () => configOf(flags),
      (error) => {
        assert.ok(error instanceof WalctlError);
        assert.match(error.message, message);
        return error.exitCode === ExitCode.usage;
      },
    );
  });
}
