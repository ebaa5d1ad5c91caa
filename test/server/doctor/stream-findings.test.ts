/** doctor's judgement of everything that a stream uses, without a server. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  ConnectionFacts,
  PublicationFacts,
  SlotsFacts,
} from "../../../src/server/doctor/inspect-stream.ts";
import {
  connectionFindings,
  publicationFindings,
  slotFindings,
} from "../../../src/server/doctor/stream-findings.ts";
import type { IdentityFault } from "../../../src/server/publication/replica-identity.ts";
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

describe("the publications", () => {
  const suggestion = { words: "To create it", command: "walctl setup-publication …" };
  const table = (name: string, readable: boolean): PublicationFacts["tables"][number] => ({
    schema: "public",
    table: name,
    readable,
  });
  const sound: PublicationFacts = {
    name: "p",
    existing: ["p"],
    state: {
      publish: ["insert", "update"],
      viaPartitionRoot: false,
      generatedColumns: "none",
      allTables: false,
      schemas: [],
      tables: [],
    },
    tables: [table("t", true)],
    identityFaults: [],
    suggestion: undefined,
  };
  const fault = {
    root: 1,
    table: '"public"."t"',
    cause: "no identity",
    missing: true,
    rejected: ["UPDATE"],
    message: "no identity",
    hint: "Give it a key.",
    fix: undefined,
    full: undefined,
  };
  const rejected = (them: string, are: string): string =>
    `no identity: the server rejects UPDATE of ${them} from every program while ${are} published`;
  const cases: ReadonlyArray<readonly [Partial<PublicationFacts>, check: string, Expected]> = [
    [{}, "publication", ["ok", 'publication "p": 1 table', null]],
    [{}, "replica_identity", undefined],
    [{}, "role_select", undefined],
    [
      { tables: [table("a", true), table("b", true)] },
      "publication",
      ["ok", 'publication "p": 2 tables', null],
    ],
    [
      { state: undefined, existing: [], tables: [], suggestion },
      "publication",
      ["fail", 'publication "p" does not exist. To create it', suggestion.command],
    ],
    [
      { state: undefined, existing: ["a", "B"], tables: [], suggestion },
      "publication",
      [
        "fail",
        'publication "p" does not exist; the database has "a", "B". To create it',
        suggestion.command,
      ],
    ],
    [
      { tables: [], suggestion },
      "publication",
      [
        "warning",
        `publication "p" publishes no tables, so nothing is streamed. To create it: ${suggestion.command}`,
        null,
      ],
    ],
    [{ tables: [] }, "publication", ["warning", /publishes no tables yet: there are none$/, null]],
    [
      { identityFaults: [fault] },
      "replica_identity",
      ["fail", `${rejected("it", "it is")} (by publication "p"). Give it a key.`, null],
    ],
    [
      { identityFaults: [{ ...fault, fix: "ALTER TABLE t REPLICA IDENTITY FULL" }] },
      "replica_identity",
      [
        "fail",
        `${rejected("it", "it is")} (by publication "p")`,
        /-c "SET lock_timeout = '.*'" -c "ALTER TABLE t REPLICA IDENTITY FULL"$/,
      ],
    ],
    [
      {
        identityFaults: ["a", "b", "c", "d"].map((name) => {
          const fix = `ALTER TABLE ${name} REPLICA IDENTITY FULL`;
          return { ...fault, table: `"public"."${name}"`, fix };
        }),
      },
      "replica_identity",
      [
        "fail",
        '4 tables have no replica identity ("public"."a", "public"."b", "public"."c", …): the server rejects UPDATE of them from every program while they are published (by publication "p")',
        /-c "ALTER TABLE a REPLICA IDENTITY FULL" -c .* -c "ALTER TABLE d REPLICA IDENTITY FULL"$/,
      ],
    ],
    [
      { tables: ["a", "b", "c", "d"].map((name) => table(name, name === "a")) },
      "role_select",
      [
        "warning",
        /may not read "public"\."b", "public"\."c", "public"\."d"; streaming works/,
        `${PSQL} -c "GRANT USAGE ON SCHEMA \\"public\\" TO \\"u\\"; GRANT SELECT ON \\"public\\".\\"b\\", \\"public\\".\\"c\\", \\"public\\".\\"d\\" TO \\"u\\""`,
      ],
    ],
    [
      { tables: ["a", "b", "c", "d"].map((name) => table(name, false)) },
      "role_select",
      ["warning", /"public"\."c", …; streaming works/, /"public\\"\.\\"d/],
    ],
  ];
  for (const [facts, check, expected] of cases) {
    it(`${check}: ${expected?.[0] ?? "no check"} for ${JSON.stringify(facts)}`, () => {
      expectCheck(publicationFindings([{ ...sound, ...facts }], TARGET, OWN), check, expected);
    });
  }

  it("have what is at fault with a table once, with the publications that it is in", () => {
    const fixable = (name: string, rejects: readonly string[]): IdentityFault => ({
      ...fault,
      table: name,
      cause: `table ${name} has none`,
      rejected: rejects,
      fix: `ALTER TABLE ${name} REPLICA IDENTITY FULL`,
      full: undefined,
    });
    const both = ["UPDATE", "DELETE"];
    const find = (
      ...lists: ReadonlyArray<readonly IdentityFault[]>
    ): ReadonlyArray<readonly [string, string | null]> =>
      publicationFindings(
        lists.map((identityFaults, at) => ({
          ...sound,
          name: `p${at}`,
          identityFaults,
          tables: [table("t", false)],
        })),
        TARGET,
        OWN,
      )
        .filter(({ check }) => check === "replica_identity" || check === "role_select")
        .map(({ message, fix }) => [message, fix]);
    const one = find([fixable("a", both)], [fixable("a", ["UPDATE"])], []);
    assert.deepEqual(
      one.map(([message]) => message),
      [
        'table a has none: the server rejects UPDATE and DELETE of it from every program while it is published (by publications "p0", "p1")',
        'publications "p0", "p1", "p2": the role may not read "public"."t"; streaming works, copying the tables first does not',
      ],
    );
    const [more, other] = find(
      [fixable("a", both)],
      [fixable("a", both), fixable("b", both), fixable("c", ["UPDATE"])],
    );
    assert.match(
      more?.[0] ?? "",
      /^2 tables have no replica identity \(a, b\): .*UPDATE and DELETE/,
    );
    assert.equal(more?.[1]?.match(/ALTER TABLE/g)?.length, 2);
    assert.match(other?.[0] ?? "", /^table c has none: the server rejects UPDATE of it .*"p1"\)$/);
  });

  it("are none at all", () => {
    expectCheck(publicationFindings(suggestion, TARGET, OWN), "publication", [
      "warning",
      'there is none in database "shop": nothing can be streamed. To create it',
      suggestion.command,
    ]);
  });
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
