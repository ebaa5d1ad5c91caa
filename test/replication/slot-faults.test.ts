import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { slotFaults } from "../../src/replication/slot-faults.ts";
import type { SlotHealth, SlotSettings } from "../../src/replication/slot-health.ts";
import { resolveTarget } from "../../src/replication/target.ts";

const TARGET = resolveTarget({ host: "h", username: "u", dbname: "shop" }, {});
const SETTINGS: SlotSettings = {
  maxSlotWalKeepSize: "1GB",
  maxWalSize: "512MB",
  idleReplicationSlotTimeout: "1h",
  autovacuumFreezeMaxAge: 200_000_000,
  superuser: "postgres",
};
const HEALTHY: SlotHealth = {
  slot: "s",
  time: "2026-01-01T00:00:00.000000Z",
  type: "logical",
  plugin: "pgoutput",
  database: "shop",
  temporary: false,
  wal_status: "reserved",
  active: false,
  active_pid: null,
  application: null,
  inactive_since: null,
  restart_lsn: "0/1",
  confirmed_flush_lsn: "0/2",
  retained_bytes: 10_000_000,
  safe_bytes: 1_000_000_000,
  lag_bytes: 0,
  xmin_age: 10,
  invalidation_reason: null,
  conflicting: null,
  two_phase: false,
  two_phase_at: null,
  failover: null,
  synced: null,
};
const HELD = { active: true, active_pid: 7, application: "app" };
const AT = "-h h -p 5432 -U u -d shop";
const DROP = `walctl drop-slot s ${AT}`;
const END = `psql ${AT} -c "SELECT pg_terminate_backend(7)"`;

type Case = readonly [
  story: string,
  slot: Partial<SlotHealth>,
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
    /removed WAL that it needed \(max_slot_wal_keep_size is 1GB\)/,
    `${DROP} && walctl create-slot s ${AT}`,
  ],
  [
    "lost, and made anew with what it had",
    { ...LOST, invalidation_reason: "wal_removed", two_phase: true, failover: true },
    "fail",
    /removed WAL/,
    `${DROP} && walctl create-slot s --two-phase --failover ${AT}`,
  ],
  [
    "lost in another database",
    { ...LOST, database: "My DB" },
    "fail",
    /removed WAL/,
    `walctl drop-slot s -h h -p 5432 -U u -d 'My DB' && walctl create-slot s -h h -p 5432 -U u -d 'My DB'`,
  ],
  ["lost, of another plugin", { ...LOST, plugin: "test_decoding" }, "fail", /removed WAL/, DROP],
  [
    "unused for too long",
    { ...LOST, invalidation_reason: "idle_timeout" },
    "fail",
    /nobody used it for idle_replication_slot_timeout \(1h\)/,
    `${DROP} && walctl create-slot s ${AT}`,
  ],
  [
    "rows removed on a standby",
    { ...LOST, invalidation_reason: "rows_removed" },
    "fail",
    /hot_standby_feedback = on/,
    `${DROP} && walctl create-slot s ${AT}`,
  ],
  [
    "wal_level lowered",
    { ...LOST, invalidation_reason: "wal_level_insufficient" },
    "fail",
    /wal_level was lowered/,
    `${DROP} && walctl create-slot s ${AT}`,
  ],
  [
    "in conflict with recovery, on PostgreSQL 16",
    { conflicting: true },
    "fail",
    /in conflict with it/,
    `${DROP} && walctl create-slot s ${AT}`,
  ],
  [
    "a copy of a primary's that is lost",
    { ...LOST, invalidation_reason: "wal_removed", synced: true },
    "fail",
    /copy of the primary's: look there/,
    null,
  ],
  [
    "about to be lost",
    { wal_status: "unreserved", retained_bytes: 3 * 2 ** 30, safe_bytes: -5 },
    "fail",
    /nobody streams from it, and it has outgrown .* \(1GB\): the next checkpoint/,
    `psql -h h -p 5432 -U postgres -d shop -c "ALTER SYSTEM SET max_slot_wal_keep_size = '6GB'" -c "SELECT pg_reload_conf()"`,
  ],
  [
    "keeps much, without a limit",
    { wal_status: "extended", safe_bytes: null, retained_bytes: 2 ** 30 },
    "warning",
    /keeps 1024 MB of WAL, more than max_wal_size \(512MB\), and no limit ends that; start its consumer/,
    DROP,
  ],
  [
    "keeps much, with a limit, and since when",
    { wal_status: "extended", inactive_since: "2026-01-02T03:04:05.678900Z" },
    "warning",
    /since 2026-01-02T03:04:05Z, .* and is lost after 954 MB more/,
    DROP,
  ],
  [
    "keeps much since its consumer does not confirm",
    { ...HELD, wal_status: "extended" },
    "warning",
    /"app" \(pid 7\) streams from it but does not confirm, .* \(walctl tail confirms with --ack only\)/,
    END,
  ],
  ["near its limit", { safe_bytes: 900_000 }, "warning", /is lost after 879 kB more/, DROP],
  [
    "still being created",
    { ...HELD, confirmed_flush_lsn: null },
    "warning",
    /"app" \(pid 7\) is still creating it/,
    `psql ${AT} -c "SELECT pid, usename, application_name, state, xact_start FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(7))"`,
  ],
  ["holds up vacuum", { xmin_age: 200_000_001 }, "warning", /holds up vacuum/, DROP],
  [
    "holds up vacuum while in use",
    { ...HELD, xmin_age: 200_000_001 },
    "warning",
    /holds up vacuum/,
    END,
  ],
];

describe("what is wrong with a slot", () => {
  for (const [story, slot, severity, message, fix] of FAULTS) {
    it(story, () => {
      const [fault, ...others] = slotFaults({ ...HEALTHY, ...slot }, SETTINGS, TARGET);
      assert.deepEqual(others, []);
      assert.equal(fault?.severity, severity);
      assert.match(fault?.message ?? "", message);
      assert.equal(fault?.fix, fix);
    });
  }

  const SOUND: ReadonlyArray<readonly [string, Partial<SlotHealth>]> = [
    ["idle, and keeps little", {}],
    ["in use", HELD],
    ["physical, and never used", { plugin: null, wal_status: null, safe_bytes: -1 }],
  ];
  for (const [story, slot] of SOUND) {
    it(`nothing: ${story}`, () => {
      assert.deepEqual(slotFaults({ ...HEALTHY, ...slot }, SETTINGS, TARGET), []);
    });
  }

  it("several at once", () => {
    const slot = { ...HEALTHY, wal_status: "extended", xmin_age: 300_000_000 };
    assert.equal(slotFaults(slot, SETTINGS, TARGET).length, 2);
  });
});
