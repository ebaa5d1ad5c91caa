import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Check } from "../../../src/reports.ts";
import { renderCheckNdjson, renderChecks } from "../../../src/render/reports/checks.ts";
import { heightOf } from "../../../src/render/terminal/visible-width.ts";
import { matchGolden } from "../../support/golden/golden.ts";

const CHECKS: readonly Check[] = [
  { check: "server_version", status: "ok", message: "PostgreSQL 18.4", fix: null },
  {
    check: "max_slot_wal_keep_size",
    status: "warning",
    message: "-1: a slot that nobody reads retains WAL until the disk is full",
    fix: `psql -d shop -c "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'" -c "SELECT pg_catalog.pg_reload_conf()"`,
  },
  {
    check: "replica_identity",
    status: "fail",
    message:
      'table "public"."a\u001b[2J" has no replica identity: the server rejects UPDATE and DELETE of it from every program while it is published',
    fix: null,
  },
];

function render(width: number, color: boolean): string {
  return renderChecks(CHECKS, width, { color });
}

/** The prompt takes a line. */
const within =
  (rows: number, columns: number) =>
  (text: string): boolean =>
    heightOf(text, columns) < rows;

describe("checks", () => {
  for (const width of [80, 200]) {
    it(`are lines of ${width} columns, but for what is to be pasted`, () => {
      matchGolden(`fixtures/doctor/checks-${width}.txt`, render(width, false));
    });
  }

  it("are the same in colour, but for the colours", () => {
    // eslint-disable-next-line no-control-regex
    assert.equal(render(80, true).replace(/\u001b\[[\d;]*m/g, ""), render(80, false));
    matchGolden("fixtures/doctor/checks-80-color.txt", render(80, true));
  });

  it("name only what is in order where a window has no room for more", () => {
    const sound = ["a", "b", "c", "b"].map((check): Check => ({
      check,
      status: "ok",
      message: "well",
      fix: null,
    }));
    const checks = [...sound, ...CHECKS];
    const whole = renderChecks(checks, 200, { color: false }, within(11, 200));
    assert.equal(whole.split("\n").length, 11);
    assert.match(whole, /^FAIL .*\nwarning .*\n.*\nok +a: well\nok +b: well\n/);
    const small = renderChecks(checks, 200, { color: false }, within(10, 200));
    assert.match(
      small,
      /^FAIL .*\nwarning .*\n.*\nok {7}a, b, c, server_version\n\n7 checks, 1 failed/,
    );
  });

  it("keep the worst in view, with the lines that a terminal wraps", () => {
    const command = `psql -d shop -c "${"ALTER TABLE t; ".repeat(15)}"`;
    const of = (check: string, status: Check["status"]): Check => ({
      check,
      status,
      message: "the server rejects UPDATE. ".repeat(6).trim(),
      fix: command,
    });
    const checks = [
      of("first", "warning"),
      of("worst", "fail"),
      ...["b", "c", "d", "e", "f", "g"].map((check) => of(check, "warning")),
      ...CHECKS.slice(0, 1),
    ];
    const text = renderChecks(checks, 80, { color: false }, within(24, 80));
    assert.ok(heightOf(text, 80) < 24, text);
    const lines = text.split("\n");
    assert.match(lines[0] ?? "", /^FAIL {5}worst: the server/);
    assert.ok(lines.includes(`         ${command}`));
    assert.match(text, /^warning {2}g: the server rejects .*…$/m);
    assert.match(text, /\n9 checks, 1 failed, 7 warnings\nCut to the window's size; .*\n$/);
    const tiny = renderChecks(checks, 80, { color: false }, within(5, 80));
    assert.match(tiny, /^FAIL {5}worst: .*…\nwarning {2}first: /);
  });

  it("are a line of NDJSON each", () => {
    const [first] = CHECKS;
    assert.ok(first !== undefined);
    assert.equal(
      renderCheckNdjson(first),
      '{"check":"server_version","status":"ok","message":"PostgreSQL 18.4","fix":null}\n',
    );
  });
});
