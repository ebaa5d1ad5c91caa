import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SERVICES } from "../../../src/server/settings/administration.ts";
import { type SlotSurroundings, slotFaults } from "../../../src/server/slot/faults.ts";
import type { Slot, SlotFault } from "../../../src/reports.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { SETTINGS, SLOT } from "./support.ts";

const TARGET = resolveTarget({ host: "h", username: "u", dbname: "shop" }, {});
const AROUND: SlotSurroundings = {
  settings: SETTINGS,
  administration: {
    admin: { ...TARGET, user: "postgres" },
    service: undefined,
    wal: { path: "/data of u/pg_wal", readable: false },
    user: "u",
    sources: {},
    allowsAlterSystem: true,
  },
  names: ["s"],
};
const HELD = { active: true, active_pid: 7, application: "app", lag_bytes: 9_000_000 };
const AT = "-h h -p 5432 -U u -d shop";
const BESIDE = `walctl create-slot s_2 ${AT}`;
const LOOK = `psql ${AT} -c "SELECT pid, usename, application_name, client_addr, state, wait_event, query FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) 7"`;

type Case = readonly [
  story: string,
  slot: Partial<Slot>,
  severity: string,
  message: RegExp,
  fix: string | null,
];

const LOST = { wal_status: "lost", safe_bytes: null, restart_lsn: null };

const FAULTS: readonly Case[] = [
  [
    "lost, on a server that does not tell why",
    LOST,
    "fail",
    /removed WAL that it needed \(max_slot_wal_keep_size is 1GB\)\. What was not read from it is lost\. A larger max_slot_wal_keep_size/,
    BESIDE,
  ],
  [
    "lost, and another with what it had",
    { ...LOST, invalidation_reason: "wal_removed", two_phase: true, failover: true },
    "fail",
    /removed WAL .*drop-slot frees its name and discards its reader's position/,
    `walctl create-slot s_2 --two-phase --failover ${AT}`,
  ],
  [
    "lost in another database",
    { ...LOST, database: "My DB" },
    "fail",
    /removed WAL/,
    `walctl create-slot s_2 -h h -p 5432 -U u -d 'My DB'`,
  ],
  ["lost, of another plugin", { ...LOST, plugin: "test_decoding" }, "fail", /removed WAL/, null],
  [
    "unused for too long",
    { ...LOST, invalidation_reason: "idle_timeout" },
    "fail",
    /nobody used it for longer than idle_replication_slot_timeout \(1h\)/,
    BESIDE,
  ],
  [
    "rows removed on a standby",
    { ...LOST, invalidation_reason: "rows_removed" },
    "fail",
    /hot_standby_feedback = on/,
    BESIDE,
  ],
  [
    "wal_level lowered",
    { ...LOST, invalidation_reason: "wal_level_insufficient" },
    "fail",
    /standby's primary no longer logged as at wal_level = logical/,
    BESIDE,
  ],
  [
    "in conflict with recovery, on PostgreSQL 16",
    { ...LOST, conflicting: true, restart_lsn: "0/1" },
    "fail",
    /recovery conflicted with it/,
    BESIDE,
  ],
  [
    "its WAL removed, on PostgreSQL 16, which calls that conflicting too",
    { ...LOST, conflicting: true },
    "fail",
    /removed WAL that it needed/,
    BESIDE,
  ],
  [
    "for a reason that is not known yet",
    { ...LOST, invalidation_reason: "whim" },
    "fail",
    /invalidated: whim\. /,
    BESIDE,
  ],
  [
    "a copy of a primary's that is lost",
    { ...LOST, invalidation_reason: "wal_removed", synced: true, standby: true },
    "fail",
    /synchronized from the primary: look there/,
    null,
  ],
  [
    "one that was such a copy until the promotion",
    { ...LOST, invalidation_reason: "wal_removed", synced: true, failover: true },
    "fail",
    /another slot starts from now on/,
    BESIDE.replace("s_2", "s_2 --failover"),
  ],
  [
    "a copy that is not ready yet",
    { ...HELD, synced: true, standby: true, temporary: true, confirmed_flush_lsn: null },
    "warning",
    /^not yet synchronized from the primary, and dropped if this standby is promoted now/,
    null,
  ],
  [
    "a copy that keeps much",
    { wal_status: "unreserved", retained_bytes: 3 * 2 ** 30, synced: true, standby: true },
    "fail",
    /^it follows the primary's slot, and it retains more than .*; see on the primary what holds its reader up, and raise/,
    `psql -h h -p 5432 -U postgres -d shop -c "ALTER SYSTEM SET max_slot_wal_keep_size = '6GB'" -c "SELECT pg_catalog.pg_reload_conf()"`,
  ],
  [
    "a copy that is behind, for a reason that is not known yet",
    { synced: true, standby: true, slotsync_skip_reason: "whim" },
    "warning",
    /^behind the primary's slot, .* was skipped \(whim\): the manual describes that /,
    null,
  ],
  ...(
    [
      ["wal_or_rows_removed", /hot_standby_feedback = on keep what it needs here$/],
      ["wal_not_flushed", /synchronized_standby_slots on the primary/],
      ["no_consistent_snapshot", /no consistent snapshot .*has confirmed more$/],
      ["slot_invalidated", /its invalidation_reason says why$/],
    ] as const
  ).map(([reason, message]): Case => [
    `a copy that is behind: ${reason}`,
    { synced: true, standby: true, slotsync_skip_reason: reason },
    "warning",
    message,
    null,
  ]),
  [
    "a copy that is not ready, and why",
    {
      ...HELD,
      synced: true,
      standby: true,
      temporary: true,
      confirmed_flush_lsn: null,
      slotsync_skip_reason: "no_consistent_snapshot",
    },
    "warning",
    /^not yet synchronized .*; behind the primary's slot, .*\(no_consistent_snapshot\)/,
    null,
  ],
  [
    "the server's own for conflicts, which holds back vacuum",
    {
      slot: "pg_conflict_detection",
      type: "physical",
      plugin: null,
      database: null,
      wal_status: null,
      restart_lsn: null,
      confirmed_flush_lsn: null,
      xmin_age: 200_000_001,
    },
    "warning",
    /^it holds back vacuum for the subscriptions with retain_dead_tuples: [^;]*; see whether they are enabled and keep up$/,
    null,
  ],
  [
    "about to be lost",
    { wal_status: "unreserved", retained_bytes: 3 * 2 ** 30, safe_bytes: -5 },
    "fail",
    /nobody streams from it, and it retains more than .* \(1GB\): the next checkpoint/,
    `psql -h h -p 5432 -U postgres -d shop -c "ALTER SYSTEM SET max_slot_wal_keep_size = '6GB'" -c "SELECT pg_catalog.pg_reload_conf()"`,
  ],
  [
    "keeps much, without a limit",
    { wal_status: "extended", safe_bytes: null, retained_bytes: 2 ** 30 },
    "warning",
    /retains 1024 MB of WAL, more than max_wal_size \(512MB\), without a limit; start its reader; .* drop-slot drops it, and what it retains is lost; on the server, see what fills the WAL: walctl inspect --stats=table --timeline latest -I 0\/1 '\/data of u\/pg_wal'$/,
    null,
  ],
  [
    "keeps much, with a limit, and since when",
    { wal_status: "extended", inactive_since: "2026-01-02T03:04:05.678900Z" },
    "warning",
    /since 2026-01-02T03:04:05Z, .* and is invalidated after 954 MB more/,
    null,
  ],
  [
    "keeps much since its reader does not confirm",
    { ...HELD, wal_status: "extended" },
    "warning",
    /"app" \(pid 7\) uses it and has confirmed all but 8789 kB, .* \(walctl tail confirms with --ack only\)/,
    LOOK,
  ],
  [
    "keeps much, and its reader has confirmed nearly all",
    { ...HELD, wal_status: "extended", lag_bytes: 10 },
    "warning",
    /confirmed all but 10 B \(a long transaction may retain the rest\)/,
    LOOK,
  ],
  [
    "keeps much, and its reader has confirmed everything",
    { ...HELD, wal_status: "extended", lag_bytes: 0 },
    "warning",
    /uses it and has confirmed everything \(a long transaction may retain the rest\)/,
    LOOK,
  ],
  [
    "physical: what it confirms is where it stands",
    {
      ...HELD,
      wal_status: "extended",
      plugin: null,
      lag_bytes: null,
      confirmed_flush_lsn: null,
      type: "physical",
    },
    "warning",
    /"app" \(pid 7\) uses it, and it retains/,
    LOOK,
  ],
  [
    "without a reader and without a limit, below max_wal_size",
    { safe_bytes: null, retained_bytes: 200 * 2 ** 20, plugin: "wal2json" },
    "warning",
    /^nobody streams from it, and it retains 200 MB of WAL, without a limit; that grows by all WAL that the server writes, on average 3516 kB an hour; start its reader; .*drop-slot drops it, and what it retains is lost$/,
    null,
  ],
  ["near its limit", { safe_bytes: 900_000 }, "warning", /is invalidated after 879 kB more/, null],
  [
    "with less than a quarter of its limit left",
    { safe_bytes: 3_300_000 },
    "warning",
    /is invalidated after 3223 kB more/,
    null,
  ],
  [
    "still being created",
    { ...HELD, confirmed_flush_lsn: null },
    "warning",
    /"app" \(pid 7\) is still creating it/,
    `psql ${AT} -c "SELECT pid, usename, application_name, state, xact_start FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(7))"`,
  ],
  [
    "holds back vacuum",
    { xmin_age: 200_000_001 },
    "warning",
    /it holds back vacuum: xmin is 200000001 transactions old, more than autovacuum_freeze_max_age;/,
    null,
  ],
  [
    "holds back vacuum while in use",
    { ...HELD, xmin_age: 200_000_001 },
    "warning",
    /holds back vacuum/,
    LOOK,
  ],
];

describe("what is wrong with a slot", () => {
  for (const [story, slot, severity, message, fix] of FAULTS) {
    it(story, () => {
      const [fault, ...others] = slotFaults({ ...SLOT, ...slot }, AROUND, TARGET);
      assert.deepEqual(others, []);
      assert.equal(fault?.severity, severity);
      assert.match(fault?.message ?? "", message);
      assert.equal(fault?.fix, fix);
    });
  }

  it("a reader that confirms nothing, without a limit", () => {
    const slot = { ...SLOT, ...HELD, safe_bytes: null, lag_bytes: 300_000_000 };
    const [fault, ...more] = slotFaults({ ...slot, retained_bytes: 300_000_000 }, AROUND, TARGET);
    assert.deepEqual(more, []);
    assert.match(
      fault?.message ?? "",
      /^"app" \(pid 7\) uses it and has confirmed all but 286 MB, and it retains 286 MB of WAL, without a limit; .*\(walctl tail confirms with --ack only\)$/,
    );
  });

  const SOUND: ReadonlyArray<readonly [string, Partial<Slot>]> = [
    ["idle, and keeps little", {}],
    ["without a limit, and keeps little", { safe_bytes: null }],
    ["with more than a quarter of its limit left", { safe_bytes: 3_400_000 }],
    ["in use", HELD],
    ["in use, without a limit, and a few transactions behind", { ...HELD, safe_bytes: null }],
    [
      "of REPACK, whatever it retains",
      {
        ...HELD,
        slot: "pg_repack_7",
        plugin: "pgrepack",
        temporary: true,
        wal_status: "unreserved",
        safe_bytes: -5,
        xmin_age: 300_000_000,
        confirmed_flush_lsn: null,
      },
    ],
    [
      "on the primary, where slotsync_skip_reason means nothing",
      { failover: true, slotsync_skip_reason: "wal_not_flushed" },
    ],
    ["physical, and never used", { plugin: null, wal_status: null, safe_bytes: -1 }],
  ];
  for (const [story, slot] of SOUND) {
    it(`nothing: ${story}`, () => {
      assert.deepEqual(slotFaults({ ...SLOT, ...slot }, AROUND, TARGET), []);
    });
  }

  it("nothing to paste that a managed server does not take", () => {
    const service = SERVICES.find(({ role }) => role === "rds_superuser");
    const around = { ...AROUND, administration: { ...AROUND.administration, service } };
    const slot = { ...SLOT, wal_status: "unreserved" };
    const [fault] = slotFaults(slot, around, TARGET);
    assert.equal(fault?.fix, null);
    assert.match(
      fault?.message ?? "",
      /on Amazon RDS and Aurora set max_slot_wal_keep_size = 1GB in the parameter group/,
    );
  });

  it("where the WAL lies only as far as the role and the service tell", () => {
    const slot = { ...SLOT, wal_status: "extended" };
    const faultAt = (path: string | undefined, readable: boolean): SlotFault | undefined => {
      const administration = { ...AROUND.administration, wal: { path, readable } };
      return slotFaults(slot, { ...AROUND, administration }, TARGET)[0];
    };
    assert.match(
      faultAt(undefined, false)?.message ?? "",
      /; on the server, see what fills the WAL: walctl inspect .* "\$PGDATA\/pg_wal"$/,
    );
    const here = faultAt("/data of u/pg_wal", true);
    assert.match(here?.message ?? "", /; see what fills the WAL$/);
    assert.match(here?.fix ?? "", /^walctl inspect .* '\/data of u\/pg_wal'$/);
    const service = SERVICES[0];
    const around = { ...AROUND, administration: { ...AROUND.administration, service } };
    const [managed] = slotFaults(slot, around, TARGET);
    assert.doesNotMatch(managed?.message ?? "", /inspect/);
  });

  it("several at once", () => {
    const slot = { ...SLOT, wal_status: "extended", xmin_age: 300_000_000 };
    assert.equal(slotFaults(slot, AROUND, TARGET).length, 2);
  });
});

it("a slot beside the lost one is enough", () => {
  const around = { ...AROUND, names: ["s", "s_2"] };
  const [fault] = slotFaults({ ...SLOT, ...LOST }, around, TARGET);
  assert.match(fault?.message ?? "", /; slot "s_2" is there, too$/);
  assert.equal(fault?.fix, null);
});

it("Of a slot that was lost before max_slot_wal_keep_size was lifted, no larger one is advised.", () => {
  const settings = { ...SETTINGS, maxSlotWalKeepSize: "-1" };
  const [fault] = slotFaults({ ...SLOT, ...LOST }, { ...AROUND, settings }, TARGET);
  assert.match(
    fault?.message ?? "",
    /\(max_slot_wal_keep_size is -1\)\. What was not read .* is lost\. drop-slot/,
  );
});

it("Decoding that spilled is told with how often it needed more memory, but not of a standby's copy.", () => {
  const spills = new Map([["s", { exceeded: 3, bytes: 5_000_000 }]]);
  const around = { ...AROUND, settings: { ...SETTINGS, spills } };
  const [fault, ...others] = slotFaults(SLOT, around, TARGET);
  assert.deepEqual(others, []);
  assert.equal(fault?.severity, "warning");
  assert.match(
    fault?.message ?? "",
    /^decoding has needed more than logical_decoding_work_mem 3 times, and has written 4883 kB of changes to disk; a larger value \(64MB unless/,
  );
  assert.deepEqual(slotFaults({ ...SLOT, slot: "other" }, around, TARGET), []);
  assert.deepEqual(slotFaults({ ...SLOT, synced: true, standby: true }, around, TARGET), []);
});
