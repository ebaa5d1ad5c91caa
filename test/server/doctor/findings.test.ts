/** doctor's judgement, without a server: what it makes of the data that it has read. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Check } from "../../../src/reports.ts";
import type {
  CheckpointFacts,
  RoleFacts,
  ServerFacts,
} from "../../../src/server/doctor/inspect-server.ts";
import type {
  ConnectionFacts,
  PublicationFacts,
  SlotsFacts,
} from "../../../src/server/doctor/inspect-stream.ts";
import {
  checkpointFindings,
  roleFindings,
  serverFindings,
} from "../../../src/server/doctor/server-findings.ts";
import {
  connectionFindings,
  publicationFindings,
  slotFindings,
} from "../../../src/server/doctor/stream-findings.ts";
import { type Administration, SERVICES } from "../../../src/server/settings/administration.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { SETTINGS, SLOT } from "../slot/support.ts";

const TARGET = resolveTarget({ host: "h", username: "u", dbname: "shop" }, {});
const OWN: Administration = {
  admin: { ...TARGET, user: "postgres" },
  service: undefined,
  wal: { path: undefined, readable: false },
};
const RDS: Administration = { ...OWN, service: SERVICES[0] };
const AT = "-h h -p 5432 -U u -d shop";
const PSQL = "psql -h h -p 5432 -U postgres -d shop";

function alterSystem(setting: string): string {
  return `${PSQL} -c "ALTER SYSTEM SET ${setting}" -c "SELECT pg_catalog.pg_reload_conf()"`;
}

/** `undefined`: the check is not there. */
type Expected =
  | readonly [status: Check["status"], message: RegExp | string, fix: string | RegExp | null]
  | undefined;

function expectCheck(checks: readonly Check[], name: string, expected: Expected): void {
  const found = checks.filter(({ check }) => check === name);
  assert.equal(found.length, expected === undefined ? 0 : 1, JSON.stringify(checks));
  const [check] = found;
  if (check === undefined || expected === undefined) return;
  const [status, message, fix] = expected;
  assert.equal(check.status, status, check.message);
  if (typeof message === "string") assert.equal(check.message, message);
  else assert.match(check.message, message);
  if (fix instanceof RegExp) assert.match(check.fix ?? "", fix);
  else assert.equal(check.fix, fix);
}

const SERVER: ServerFacts = {
  version: 180_004,
  server_version: "18.4",
  wal_level: "logical",
  slots: ["a", "b"],
  active: ["a"],
  max_replication_slots: 10,
  senders: 1,
  max_wal_senders: 10,
  wal_sender_timeout_ms: 60_000,
  wal_sender_timeout: "1min",
  max_slot_wal_keep_size: "10GB",
  idle_replication_slot_timeout: "0",
  output_plugin_libraries: null,
  synchronous_standby_names: "",
  in_recovery: false,
  standbys: [],
  configured: new Map(),
};

describe("the server's settings", () => {
  it("output_plugin_libraries has to name pgoutput", () => {
    const find = (list: string | null): Check | undefined =>
      serverFindings({ ...SERVER, output_plugin_libraries: list }, OWN, []).find(
        ({ check }) => check === "output_plugin_libraries",
      );
    assert.equal(find(null), undefined);
    assert.equal(find('pgoutput, "test_decoding"')?.status, "ok");
    const fault = find("wal2json");
    assert.equal(fault?.status, "fail");
    assert.match(
      fault.fix ?? "",
      /ALTER SYSTEM SET output_plugin_libraries = 'wal2json', 'pgoutput'" -c "SELECT pg_catalog.pg_reload_conf\(\)"$/,
    );
    assert.match(find("")?.fix ?? "", /= 'pgoutput'"/);
  });

  it("are all in order", () => {
    const checks = serverFindings(SERVER, OWN, []);
    assert.deepEqual(
      checks.map(({ status, message, fix }) => [status, message, fix]),
      [
        ["ok", "PostgreSQL 18.4", null],
        ["ok", "logical", null],
        ["ok", "2 of 10 slots are taken", null],
        ["ok", "1 of 10 WAL senders are taken", null],
        ["ok", "1min", null],
        ["ok", "10GB: a slot that retains more is invalidated", null],
        ["ok", "0: off", null],
        ["ok", "none", null],
      ],
    );
  });

  const replica = { wal_level: "replica" };
  const pending = (name: string, value: string | undefined): Partial<ServerFacts> => ({
    configured: new Map([[name, { pending: true, value }]]),
  });
  const cases: ReadonlyArray<
    readonly [
      facts: Partial<ServerFacts>,
      check: string,
      expected: Expected,
      parts?: { readonly asked?: readonly string[]; readonly administration?: Administration },
    ]
  > = [
    [
      { version: 130_000, server_version: "13.0" },
      "server_version",
      ["fail", /^PostgreSQL 13\.0; .* 14 or later$/, null],
    ],
    [
      { version: 190_000, server_version: "19beta1" },
      "server_version",
      ["warning", /tested up to 18$/, null],
    ],
    [{}, "recovery", undefined],
    [{ in_recovery: true, version: 150_000 }, "recovery", ["fail", /16 and later/, null]],
    [{ in_recovery: true, version: 160_000 }, "recovery", ["ok", /^a standby/, null]],
    [
      replica,
      "wal_level",
      [
        "fail",
        /^wal_level is "replica", .*; it takes a restart/,
        alterSystem("wal_level = 'logical'"),
      ],
    ],
    [{ ...replica, version: 190_000 }, "wal_level", ["ok", "logical", null]],
    [
      pending("wal_level", "replica"),
      "wal_level",
      ["warning", /^logical; the configuration has "replica", which a restart brings: /, null],
    ],
    [pending("wal_level", ""), "wal_level", ["warning", /configuration has no value/, null]],
    [pending("wal_level", undefined), "wal_level", ["warning", /has another value/, null]],
    [
      pending("max_replication_slots", "2"),
      "max_replication_slots",
      ["warning", /^2 of 10 slots are taken; the configuration has "2"/, null],
    ],
    [
      pending("max_replication_slots", "2"),
      "max_replication_slots",
      ["ok", /"a" too$/, null],
      {
        asked: ["a"],
      },
    ],
    [pending("max_wal_senders", "20"), "max_wal_senders", ["ok", /^1 of 10/, null]],
    [
      replica,
      "wal_level",
      [
        "fail",
        /on Amazon RDS and Aurora set rds\.logical_replication = 1 in the parameter group/,
        null,
      ],
      { administration: RDS },
    ],
    [
      { ...replica, ...pending("wal_level", "logical") },
      "wal_level",
      ["fail", /changed already: restart the server/, null],
    ],
    // Not readable: that something waits has to do.
    [
      { ...replica, ...pending("wal_level", undefined) },
      "wal_level",
      ["fail", /changed already: restart the server/, null],
    ],
    [
      { ...replica, ...pending("wal_level", "minimal") },
      "wal_level",
      ["fail", /it takes a restart/, alterSystem("wal_level = 'logical'")],
    ],
    [
      { max_replication_slots: 2 },
      "max_replication_slots",
      ["fail", /^2 of 2 slots are taken: no place/, alterSystem("max_replication_slots = '12'")],
    ],
    [
      { max_replication_slots: 2 },
      "max_replication_slots",
      ["ok", '2 of 2 slots are taken, by "a", "b" too', null],
      { asked: ["a", "b"] },
    ],
    [
      { max_replication_slots: 3 },
      "max_replication_slots",
      ["fail", /no place for another/, alterSystem("max_replication_slots = '13'")],
      { asked: ["c", "d"] },
    ],
    [
      { max_replication_slots: 2, ...pending("max_replication_slots", "20") },
      "max_replication_slots",
      ["fail", /changed already/, null],
    ],
    [
      { max_replication_slots: 2, ...pending("max_replication_slots", "1") },
      "max_replication_slots",
      ["fail", /it takes a restart/, alterSystem("max_replication_slots = '12'")],
    ],
    [
      { max_wal_senders: 1 },
      "max_wal_senders",
      ["fail", /^1 of 1 WAL senders are taken/, alterSystem("max_wal_senders = '11'")],
    ],
    [
      { max_wal_senders: 1 },
      "max_wal_senders",
      ["ok", '1 of 1 WAL senders are taken, by "a" too', null],
      { asked: ["a"] },
    ],
    [
      { max_wal_senders: 1 },
      "max_wal_senders",
      ["fail", /no place for another/, alterSystem("max_wal_senders = '11'")],
      { asked: ["b"] },
    ],
    [
      { max_wal_senders: 1, standbys: ["replica1"] },
      "max_wal_senders",
      ["fail", /raise it on the standbys first/, null],
    ],
    [
      { wal_sender_timeout_ms: 0, wal_sender_timeout: "0" },
      "wal_sender_timeout",
      [
        "warning",
        /^0: a consumer whose machine vanished/,
        alterSystem("wal_sender_timeout = '60s'"),
      ],
    ],
    [
      { wal_sender_timeout_ms: 9_999, wal_sender_timeout: "9999ms" },
      "wal_sender_timeout",
      ["warning", /^9999ms: a short stall/, alterSystem("wal_sender_timeout = '60s'")],
    ],
    [
      { wal_sender_timeout_ms: 10_000, wal_sender_timeout: "10s" },
      "wal_sender_timeout",
      ["ok", "10s", null],
    ],
    [
      { max_slot_wal_keep_size: "-1" },
      "max_slot_wal_keep_size",
      ["warning", /^-1: .* until the disk is full; .* is lost$/, null],
    ],
    [{ idle_replication_slot_timeout: null }, "idle_replication_slot_timeout", undefined],
    [
      { idle_replication_slot_timeout: "1h" },
      "idle_replication_slot_timeout",
      ["ok", /^1h: a slot/, null],
    ],
    [{ synchronous_standby_names: "a, b" }, "synchronous_standby_names", ["ok", "a, b", null]],
    [
      { synchronous_standby_names: "FIRST 1 (a, WALCTL)" },
      "synchronous_standby_names",
      ["fail", /^"WALCTL" is what walctl calls itself/, "export PGAPPNAME=walctl_consumer"],
    ],
    [
      { synchronous_standby_names: "*", standbys: ["r1", "walctl"] },
      "synchronous_standby_names",
      ["fail", /^\* matches every walsender: .* \(connected now: "r1"\)$/, null],
    ],
    [
      { synchronous_standby_names: "*" },
      "synchronous_standby_names",
      ["fail", /name the standbys in its place$/, null],
    ],
  ];
  for (const [facts, check, expected, { asked = [], administration = OWN } = {}] of cases) {
    it(`${check}: ${expected?.[0] ?? "no check"} for ${JSON.stringify(facts)}`, () => {
      expectCheck(serverFindings({ ...SERVER, ...facts }, administration, asked), check, expected);
    });
  }
});

describe("checkpoints", () => {
  const often: CheckpointFacts = {
    requested: 9,
    timed: 1,
    seconds: 100,
    wal_bytes: 9 * 2 ** 30,
    max_wal_size_bytes: 2 ** 30,
    max_wal_size: "1GB",
  };
  it("that come too often are a warning", () => {
    expectCheck(checkpointFindings(often, OWN), "checkpoints", [
      "warning",
      /^9 of 10 checkpoints .* max_wal_size \(1GB now\) was reached, by the WAL between them, one every 10 s; .*: walctl inspect .* "\$PGDATA\/pg_wal"$/,
      null,
    ]);
    expectCheck(checkpointFindings(often, RDS), "checkpoints", [
      "warning",
      /at its first change$/,
      null,
    ]);
  });
  for (const [story, facts] of [
    ["on a server that does not count WAL", undefined],
    ["few", { ...often, requested: 4, timed: 0 }],
    ["on time for the most part", { ...often, requested: 9, timed: 9 }],
    ["by hand", { ...often, wal_bytes: 2 ** 30 }],
  ] as const) {
    it(`${story} are no finding`, () => {
      assert.deepEqual(checkpointFindings(facts, OWN), []);
    });
  }
});

describe("the role", () => {
  const plain: RoleFacts = { role: "u", superuser: false, replication: false, create: false };
  const cases: ReadonlyArray<
    readonly [Partial<RoleFacts>, replication: Expected, create: Expected, Administration?]
  > = [
    [
      {},
      ["fail", /a superuser can grant it$/, `${PSQL} -c "ALTER ROLE \\"u\\" REPLICATION"`],
      ["warning", /streaming works/, `${PSQL} -c "GRANT CREATE ON DATABASE \\"shop\\" TO \\"u\\""`],
    ],
    [
      {},
      ["fail", /a member of rds_superuser can grant it$/, /GRANT rds_replication TO/],
      ["warning", /streaming works/, /GRANT CREATE/],
      RDS,
    ],
    [
      { superuser: true },
      ["ok", 'role "u" is a superuser', null],
      ["ok", 'it may create publications in database "shop"', null],
    ],
    [
      { replication: true, create: true },
      ["ok", 'role "u" has REPLICATION', null],
      ["ok", 'it may create publications in database "shop"', null],
    ],
  ];
  for (const [rights, replication, create, administration = OWN] of cases) {
    it(`${JSON.stringify(rights)}: ${replication?.[0]}, ${create?.[0]}`, () => {
      const checks = roleFindings({ ...plain, ...rights }, administration);
      expectCheck(checks, "role_replication", replication);
      expectCheck(checks, "role_create", create);
    });
  }
});

describe("the connection", () => {
  const direct: ConnectionFacts = {
    ...{ pooled: false, host: "10.0.0.5", port: 5433, refusal: undefined, hbaFaults: undefined },
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
      ["fail", "could not connect; Wait.", null],
    ],
    [refused("53300"), "replication_connection", ["ok", /^not tried/, null], true],
    [refused(undefined), "replication_connection", ["fail", "could not connect", null], true],
    [{}, "pg_hba", undefined],
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
    ...{ schema: "public", table: name, readable },
  });
  const sound: PublicationFacts = {
    name: "p",
    state: {
      ...{ publish: ["insert", "update"], viaPartitionRoot: false, generatedColumns: "none" },
      ...{ allTables: false, schemas: [], tables: [] },
    },
    tables: [table("t", true)],
    identityFaults: [],
    suggestion: undefined,
  };
  const fault = {
    ...{ root: 1, table: '"public"."t"', cause: "", missing: true, rejected: ["UPDATE"] },
    ...{ message: "no identity", hint: "Give it a key.", fix: undefined },
  };
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
      { state: undefined, tables: [], suggestion },
      "publication",
      ["fail", 'publication "p" does not exist. To create it', suggestion.command],
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
      ["fail", "no identity. Give it a key.", null],
    ],
    [
      { identityFaults: [{ ...fault, fix: "ALTER TABLE t REPLICA IDENTITY FULL" }] },
      "replica_identity",
      [
        "fail",
        "no identity",
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
        '4 tables have no replica identity ("public"."a", "public"."b", "public"."c", …): the server rejects UPDATE of them from every program while they are published',
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
