/** doctor's judgement of everything that a stream uses, without a server. */
import { describe, it } from "node:test";
import type { ConnectionFacts, SlotsFacts } from "../../../src/server/doctor/inspect-stream.ts";
import { connectionFindings, slotFindings } from "../../../src/server/doctor/stream-findings.ts";
import { SETTINGS, SLOT } from "../slot/support.ts";
import { AT, type Expected, OWN, PSQL, TARGET, expectCheck } from "./support.ts";

describe("the connection", () => {
  const direct: ConnectionFacts = {
    pooled: false,
    host: "10.0.0.5",
    port: 5433,
    refusal: undefined,
    hbaFaults: undefined,
  };
  const refused = (sqlState: string | undefined, hint?: string): Partial<ConnectionFacts> => ({
    refusal: { sqlState, message: "could not connect", hint },
  });
  const doctor = "walctl doctor -h 10.0.0.5 -p 5433 -U u -d shop";
  const cases: ReadonlyArray<
    readonly [Partial<ConnectionFacts>, check: string, expected: Expected, inUse?: boolean]
  > = [
    [{}, "pooler", ["ok", /^none/, null]],
    [{ pooled: true }, "pooler", ["warning", /^a pooler or proxy/, doctor]],
    [{ pooled: true, host: null, port: null }, "pooler", ["warning", /^a pooler/, null]],
    // Its address leads to the same place again.
    [{ pooled: true, host: "h", port: 5432 }, "pooler", ["warning", /^a pooler/, null]],
    [{}, "replication_connection", ["ok", 'accepted for database "shop"', null]],
    [refused("08P01"), "replication_connection", ["fail", /as poolers do not/, doctor]],
    [refused("42601"), "replication_connection", ["fail", /as poolers do not/, doctor]],
    [
      refused("42501"),
      "replication_connection",
      ["fail", "could not connect; an administrator can grant it", /ALTER ROLE .* REPLICATION/],
    ],
    [
      refused("53300", "Wait."),
      "replication_connection",
      ["fail", "could not connect. Wait.", null],
    ],
    [refused("53300"), "replication_connection", ["ok", /^not tried/, null], true],
    [refused(undefined), "replication_connection", ["fail", "could not connect", null], true],
    [{}, "pg_hba", ["unknown", /^not known to this role: /, null]],
    [{ hbaFaults: [] }, "pg_hba", ["ok", "no line is at fault", null]],
    [
      { hbaFaults: [{ line_number: 7, error: "bad" }] },
      "pg_hba",
      [
        "warning",
        "line 7: bad; the server still uses the file as it was before",
        `${PSQL} -c "SELECT line_number, error FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL"`,
      ],
    ],
  ];
  for (const [facts, check, expected, inUse = false] of cases) {
    it(`${check}: ${expected?.[0] ?? "no check"} for ${JSON.stringify(facts)}`, () => {
      const checks = connectionFindings({ ...direct, ...facts }, TARGET, OWN, inUse);
      expectCheck(checks, check, expected);
    });
  }
});

describe("the slots", () => {
  const lost = { ...SLOT, slot: "lost", wal_status: "lost", restart_lsn: null };
  const inDoubt = [{ slot: "s", publication: "p" }];
  const cases: ReadonlyArray<
    readonly [Partial<SlotsFacts>, asked: readonly string[], check: string, Expected]
  > = [
    [{}, [], "slot", ["ok", "1 slot, none at fault", null]],
    [{ slots: [] }, [], "slot", ["ok", "there is none yet", null]],
    [{ slots: [SLOT, { ...SLOT, slot: "t" }] }, [], "slot", ["ok", "2 slots, none at fault", null]],
    [{}, ["x"], "slot", ["fail", 'slot "x" does not exist', `walctl create-slot x ${AT}`]],
    [
      { slots: [SLOT, lost] },
      [],
      "slot",
      ["fail", /^slot "lost": invalidated: /, `walctl create-slot lost_2 ${AT}`],
    ],
    [{ slots: [SLOT, lost] }, ["s"], "slot", ["ok", "1 slot, none at fault", null]],
    [{}, ["s"], "slot_order", undefined],
    [
      { inDoubt },
      ["s"],
      "slot_order",
      [
        "warning",
        /^publication "p" may be newer than the position of slot "s"; .* a second slot sees the publication from now on$/,
        `walctl create-slot s_2 ${AT}`,
      ],
    ],
    [
      { inDoubt, slots: [SLOT, { ...SLOT, slot: "s_2" }] },
      ["s"],
      "slot_order",
      ["warning", /; slot "s_2" exists too$/, null],
    ],
    [{ inDoubt, slots: [{ ...SLOT, plugin: "wal2json" }] }, ["s"], "slot_order", undefined],
    [{ inDoubt, slots: [{ ...SLOT, database: "other" }] }, ["s"], "slot_order", undefined],
    [{ inDoubt, slots: [{ ...lost, slot: "s" }] }, ["s"], "slot_order", undefined],
  ];
  for (const [facts, slots, check, expected] of cases) {
    it(`${check}: ${expected?.[0] ?? "no check"} (${expected?.[1]})`, () => {
      const all = { slots: [SLOT], settings: SETTINGS, inDoubt: [], ...facts };
      const scope = { slots, publications: ["p"] };
      expectCheck(slotFindings(all, scope, TARGET, OWN), check, expected);
    });
  }
});
