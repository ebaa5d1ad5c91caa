/** doctor's judgement of the server and the role, without a server: what it makes of the data that it has read. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Check } from "../../../src/reports.ts";
import type { RoleFacts, ServerFacts } from "../../../src/server/doctor/inspect-server.ts";
import { roleFindings, serverFindings } from "../../../src/server/doctor/server-findings.ts";
import type { Administration } from "../../../src/server/settings/administration.ts";
import { type Expected, OWN, PSQL, RDS, alterSystem, expectCheck } from "./support.ts";

const SERVER: ServerFacts = {
  version: 180_004,
  server_version: "18.4",
  wal_level: "logical",
  effective_wal_level: null,
  slots: ["a", "b"],
  active: ["a"],
  durable_logical: ["a"],
  durable_physical: [],
  max_replication_slots: 10,
  repack_slots: 0,
  max_repack_replication_slots: null,
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
  const nineteen = (level: string, effective: string): Partial<ServerFacts> => ({
    version: 190_000,
    wal_level: level,
    effective_wal_level: effective,
  });
  const noSlots = { durable_logical: [] };
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
      { version: 190_000, server_version: "19.0 (Debian 19.0-1)" },
      "server_version",
      ["ok", "PostgreSQL 19.0 (Debian 19.0-1)", null],
    ],
    [
      { version: 200_001, server_version: "20.1" },
      "server_version",
      ["warning", "PostgreSQL 20.1; walctl is tested up to 19", null],
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
    [
      nineteen("replica", "replica"),
      "wal_level",
      [
        "ok",
        "replica: the first logical slot, also a temporary one, makes the whole cluster log as at logical; it falls back some time after the last one is gone",
        null,
      ],
    ],
    [
      nineteen("replica", "logical"),
      "wal_level",
      [
        "ok",
        "replica, and logical in effect until some time after the last logical slot is gone",
        null,
      ],
    ],
    [nineteen("logical", "logical"), "wal_level", ["ok", "logical", null]],
    [
      nineteen("minimal", "minimal"),
      "wal_level",
      [
        "fail",
        /^wal_level is "minimal", and logical decoding needs "replica" or "logical"; it takes a restart/,
        alterSystem("wal_level = 'replica'"),
      ],
    ],
    [
      { ...nineteen("minimal", "minimal"), ...pending("wal_level", "") },
      "wal_level",
      ["fail", /changed already: restart the server/, null],
    ],
    // The command line has set it: what the files hold changes nothing.
    [
      {
        ...nineteen("minimal", "minimal"),
        configured: new Map([["wal_level", { pending: false, value: "replica" }]]),
      },
      "wal_level",
      ["fail", /it takes a restart/, alterSystem("wal_level = 'replica'")],
    ],
    [
      { ...nineteen("logical", "replica"), in_recovery: true },
      "wal_level",
      [
        "fail",
        /^effective_wal_level of this standby's primary is "replica", .*; on the primary set wal_level = logical, or create a logical slot/,
        null,
      ],
    ],
    [
      { ...nineteen("replica", "logical"), in_recovery: true },
      "wal_level",
      [
        "ok",
        "replica; on a standby the primary's level counts, and that is logical in effect",
        null,
      ],
    ],
    [
      { ...nineteen("replica", "logical"), ...pending("wal_level", "minimal") },
      "wal_level",
      [
        "fail",
        /^replica, and logical in effect .*; the configuration has "minimal", .* will not start then, because of logical slot "a" and max_wal_senders/,
        alterSystem("wal_level = 'replica'"),
      ],
    ],
    [
      { ...nineteen("replica", "replica"), ...pending("wal_level", undefined) },
      "wal_level",
      ["warning", /another value, which a restart brings: if that is minimal, /, null],
    ],
    [
      { version: 190_000, repack_slots: 2, max_repack_replication_slots: 5 },
      "max_replication_slots",
      ["ok", "2 of 10 slots are taken, and 2 of REPACK's own 5", null],
    ],
    [
      pending("wal_level", "replica"),
      "wal_level",
      [
        "fail",
        'logical; the configuration has "replica", which a restart brings: the server will not start then, because of logical slot "a"; set it back, or drop the slots first',
        alterSystem("wal_level = 'logical'"),
      ],
    ],
    [
      pending("wal_level", "replica"),
      "wal_level",
      ["fail", /drop the slots first; on Amazon RDS .* set rds\.logical_replication = 1 /, null],
      { administration: RDS },
    ],
    [
      { ...noSlots, ...pending("wal_level", "replica") },
      "wal_level",
      [
        "warning",
        /a restart brings: logical decoding ends then; /,
        alterSystem("wal_level = 'logical'"),
      ],
    ],
    [
      { ...noSlots, durable_physical: ["s"], ...pending("wal_level", "replica") },
      "wal_level",
      ["warning", /logical decoding ends/, /ALTER SYSTEM/],
    ],
    [
      { ...noSlots, durable_physical: ["s"], ...pending("wal_level", "Minimal") },
      "wal_level",
      [
        "fail",
        /because of physical slot "s" and max_wal_senders \(10\); set it back, or /,
        /ALTER/,
      ],
    ],
    [
      { ...noSlots, max_wal_senders: 0, ...pending("wal_level", "minimal") },
      "wal_level",
      ["warning", /logical decoding ends/, /ALTER SYSTEM/],
    ],
    [pending("wal_level", "Logical"), "wal_level", ["ok", "logical", null]],
    [
      { ...nineteen("logical", "logical"), ...pending("wal_level", "replica") },
      "wal_level",
      ["ok", "logical", null],
    ],
    [
      pending("wal_level", ""),
      "wal_level",
      ["fail", /configuration has no value.* will not start/, /ALTER SYSTEM/],
    ],
    // Whatever it is, it is lower.
    [
      pending("wal_level", undefined),
      "wal_level",
      ["fail", /has another value.* will not start/, /ALTER SYSTEM/],
    ],
    [
      { durable_logical: ["a", "b"], ...pending("max_replication_slots", "1") },
      "max_replication_slots",
      [
        "fail",
        /^2 of 10 slots are taken; the configuration has "1", with which the server will not start/,
        alterSystem("max_replication_slots = '10'"),
      ],
    ],
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

describe("the role", () => {
  const plain: RoleFacts = {
    role: "u",
    superuser: false,
    replication: false,
    create: false,
    md5: undefined,
  };
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
      const checks = roleFindings({ ...plain, ...rights }, administration, "u");
      expectCheck(checks, "role_replication", replication);
      expectCheck(checks, "role_create", create);
    });
  }

  it("An MD5 password is a warning where it is known, and no word where it is not.", () => {
    const of = (md5: boolean | undefined): readonly Check[] =>
      roleFindings({ ...plain, superuser: true, md5 }, OWN, "u");
    expectCheck(of(true), "role_password", ["warning", /^role "u" has an MD5 password, /, null]);
    for (const md5 of [false, undefined]) expectCheck(of(md5), "role_password", undefined);
  });
});
