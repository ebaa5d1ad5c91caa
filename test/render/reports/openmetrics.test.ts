/** The OpenMetrics text, read back by the rules of its specification. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  renderChecksMetrics,
  renderSlotsMetrics,
} from "../../../src/render/reports/openmetrics.ts";
import { fail, ok, slotReport, warning } from "../../../src/reports.ts";
import { SLOT } from "../../server/slot/support.ts";
import { type Sample, parseOpenMetrics } from "../../support/program/openmetrics.ts";

const FAULT = { severity: "fail", message: "m", fix: null, kind: "k", each: "e" } as const;

function valueOf(samples: readonly Sample[], name: string, slot: string): string | undefined {
  return samples.find((each) => each.name === name && each.labels.get("slot_name") === slot)?.value;
}

test("slots: names and labels of postgres_exporter, exact positions, and what is not known left out", () => {
  const held = { ...SLOT, active: true, application: 'a "b"\\\nc', database: "dätabase" };
  const lost = {
    ...SLOT,
    slot: "lost",
    wal_status: "lost",
    retained_bytes: null,
    safe_bytes: null,
  };
  const far = { ...held, server_lsn: "FFFFFFFF/FFFFFFFF", confirmed_flush_lsn: "20000000/1" };
  const samples = parseOpenMetrics(
    renderSlotsMetrics([slotReport(far, []), slotReport(lost, [FAULT])]),
  );
  const prefix = "pg_replication_slot_";
  assert.equal(valueOf(samples, `${prefix}slot_current_wal_lsn`, "s"), "18446744073709551615");
  assert.equal(valueOf(samples, `${prefix}slot_confirmed_flush_lsn`, "s"), "2305843009213693953");
  assert.equal(valueOf(samples, `${prefix}slot_is_active`, "s"), "1");
  assert.equal(valueOf(samples, `${prefix}slot_is_active`, "lost"), "0");
  assert.equal(valueOf(samples, `${prefix}safe_wal_size_bytes`, "s"), "1000000000");
  assert.equal(valueOf(samples, `${prefix}safe_wal_size_bytes`, "lost"), undefined);
  assert.equal(valueOf(samples, "walctl_slot_retained_bytes", "lost"), undefined);
  const status = samples.find(
    ({ name, labels }) => name === `${prefix}wal_status` && labels.get("slot_name") === "lost",
  );
  assert.deepEqual([status?.labels.get("wal_status"), status?.value], ["lost", "1"]);
  const faults = samples.filter(({ name }) => name === "walctl_slot_faults");
  assert.deepEqual(
    faults.map(({ labels, value }) => [labels.get("slot_name"), labels.get("severity"), value]),
    [
      ["s", "fail", "0"],
      ["s", "warning", "0"],
      ["lost", "fail", "1"],
      ["lost", "warning", "0"],
    ],
  );
  const info = samples.find(({ name }) => name === "walctl_slot_labels");
  assert.equal(info?.labels.get("application"), 'a "b"\\\nc');
  assert.equal(info?.labels.get("database"), "dätabase");
});

test("no slots are no samples, and still a whole exposition", () => {
  assert.equal(renderSlotsMetrics([]), "# EOF\n");
});

test("doctor: how many checks of each name have each status", () => {
  const checks = [ok("wal_level", "m"), warning("slot", "m", null), fail("slot", "m", null)];
  const samples = parseOpenMetrics(renderChecksMetrics(checks));
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels.get("check"), labels.get("status"), value]),
    [
      ["wal_level", "ok", "1"],
      ["wal_level", "warning", "0"],
      ["wal_level", "fail", "0"],
      ["wal_level", "unknown", "0"],
      ["slot", "ok", "0"],
      ["slot", "warning", "1"],
      ["slot", "fail", "1"],
      ["slot", "unknown", "0"],
    ],
  );
});
