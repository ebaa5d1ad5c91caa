import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { walctl } from "../../support/program/cli.ts";
import { encodeCapture, messagesOf } from "../../support/wire/captures.ts";
import { fixture, matchGolden } from "../../support/golden/golden.ts";
import { encodeMessage, type WireMessage } from "../../support/wire/pgoutput-encoder.ts";

function path(name: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
}

async function decode(name: string, ...flags: readonly string[]): ReturnType<typeof walctl> {
  return await walctl(["decode-file", path(name), "-F", "wal2json", ...flags]);
}

/** Debezium's `ts_ms` is when the event was made. */
function withoutClock(events: string): string {
  return events.replaceAll(/"ts_([mun]s)":\d+/g, '"ts_$1":0');
}

describe("--format wal2json", () => {
  it("prints what wal2json 2.6 on PostgreSQL 17 printed, byte for byte", async () => {
    const { stdout, stderr, status } = await decode("wal2json/pg17.walctl");
    assert.equal(status, 0, stderr);
    matchGolden("fixtures/wal2json/pg17.ndjson", stdout);
  });

  it("prints only JSON, a relation that was not announced included", async () => {
    const { stdout } = await decode("captures/pg18-misc-p1.recvlogical");
    const actions = stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { action: string }).action);
    assert.deepEqual([...new Set(actions)].toSorted(), ["B", "C", "D", "I", "M", "T", "U"]);
  });

  it("loses nothing that comes before what it refuses, also where that is in the same chunk", async () => {
    const messages = (name: string): Uint8Array[] =>
      messagesOf(fixture(`fixtures/captures/${name}`));
    const committed = encodeCapture("walctl", messages("pg18-misc-p1.recvlogical"));
    const both = encodeCapture("walctl", [
      ...messages("pg18-misc-p1.recvlogical"),
      ...messages("pg18-stream-abort-p2.recvlogical"),
    ]);
    for (const format of ["wal2json", "debezium"]) {
      const args = ["decode-file", "-", "-F", format];
      const whole = await walctl(args, { stdin: committed });
      assert.equal(whole.status, 0, whole.stderr);
      const { status, stdout } = await walctl(args, { stdin: both });
      assert.equal(status, 1);
      // One more transaction of the other capture was committed.
      assert.ok(withoutClock(stdout).startsWith(withoutClock(whole.stdout)));
    }
  });

  it("refuses transactions that may still be rolled back", async () => {
    const streamed = await decode("captures/pg18-stream-abort-p2.recvlogical");
    assert.equal(streamed.status, 1);
    assert.match(streamed.stderr, /error: wal2json has no form for streamed transactions/);
    const prepared = await decode("captures/pg15-twophase-p3.recvlogical");
    assert.match(prepared.stderr, /error: wal2json has no form for prepared transactions/);
  });

  const REFUSED: ReadonlyArray<readonly [flags: readonly string[], error: RegExp]> = [
    [["--streaming", "on"], /--streaming sends what may still be rolled back/],
    [["--two-phase"], /--two-phase sends what may still be rolled back/],
    [["--values", "text"], /--values text is for --format ndjson/],
    [["--safe-numbers"], /--safe-numbers is for --format ndjson/],
    [["-o", "/tmp/never-made.ndjson"], /--output takes NDJSON only/],
    [["--expanded"], /--expanded is for tables/],
  ];
  for (const [flags, error] of REFUSED) {
    it(`tail refuses ${flags.join(" ")} before it connects`, async () => {
      const args = ["tail", "-h", "/nowhere", "-P", "p", "-F", "wal2json", ...flags];
      const { status, stderr } = await walctl(args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, error);
    });
  }

  it("prints what is no value of its type as text: null is what it prints of NaN alone", async () => {
    const column = (name: string, typeOid: number) =>
      ({ name, key: false, typeOid, typeModifier: -1 }) as const;
    const relation: WireMessage = {
      kind: "relation",
      oid: 1,
      schema: "s",
      table: "t",
      replicaIdentity: "default",
      columns: [column("a", 23), column("b", 701), column("c", 17), column("d", 17)],
      xid: null,
    };
    const values = ["1x", "NaN", String.raw`\xzz`, String.raw`\xAb`];
    const insert: WireMessage = {
      kind: "insert",
      oid: 1,
      xid: null,
      new: values.map((text) => ({ kind: "text", bytes: Buffer.from(text) })),
    };
    const stdin = encodeCapture("walctl", [relation, insert].map(encodeMessage));
    const { stdout } = await walctl(["decode-file", "-", "-F", "wal2json"], { stdin });
    const { columns } = JSON.parse(stdout) as { columns: ReadonlyArray<{ value: unknown }> };
    assert.deepEqual(
      columns.map(({ value }) => value),
      ["1x", null, String.raw`\xzz`, "Ab"],
    );
  });

  it("is no format of commands that print no messages", async () => {
    const { status, stderr } = await walctl(["slots", "-F", "wal2json"]);
    assert.equal(status, 2);
    assert.match(stderr, /Allowed choices are auto, table, ndjson/);
  });
});
