/*
 * OpenMetrics text (the specification's Text Format), for a textfile collector or a cron job. Where postgres_exporter has
 * a metric, ours has its name and labels. All are gauges: node_exporter's collector reads the older format of Prometheus,
 * which has no other types of these.
 */
import { parseLsn } from "../../lsn.ts";
import type { Check, SlotReport } from "../../reports.ts";

interface Family {
  readonly name: string;
  readonly help: string;
  readonly unit?: "bytes";
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | bigint];

const END = "# EOF\n";
const SEVERITIES = ["fail", "warning"] as const;
const STATUSES = ["ok", "warning", "fail", "unknown"] as const;

export function renderSlotsMetrics(slots: readonly SlotReport[]): string {
  const of =
    (value: (slot: SlotReport) => number | bigint | null) =>
    (slot: SlotReport): readonly Sample[] => {
      const found = value(slot);
      return found === null ? [] : [[labelsOf(slot), found]];
    };
  const families: ReadonlyArray<readonly [Family, (slot: SlotReport) => readonly Sample[]]> = [
    [
      gauge("pg_replication_slot_slot_current_wal_lsn", "where the server stands"),
      of(({ server_lsn: lsn }) => positionOf(lsn)),
    ],
    [
      gauge("pg_replication_slot_slot_confirmed_flush_lsn", "what the reader has confirmed"),
      of(({ confirmed_flush_lsn: lsn }) => positionOf(lsn)),
    ],
    [
      gauge("pg_replication_slot_slot_is_active", "whether a session streams from the slot"),
      of(({ active }) => Number(active)),
    ],
    [
      gauge(
        "pg_replication_slot_safe_wal_size_bytes",
        "how much more can be written before the slot is lost; absent without a limit",
        "bytes",
      ),
      of(({ safe_bytes: safe }) => safe),
    ],
    [
      gauge("pg_replication_slot_wal_status", "1 for the wal_status that the slot has"),
      (slot) =>
        slot.wal_status === null ? [] : [[{ ...labelsOf(slot), wal_status: slot.wal_status }, 1]],
    ],
    [
      gauge("walctl_slot_retained_bytes", "WAL that the server keeps for the slot", "bytes"),
      of(({ retained_bytes: kept }) => kept),
    ],
    [
      gauge("walctl_slot_lag_bytes", "WAL that the reader has not confirmed", "bytes"),
      of(({ lag_bytes: lag }) => lag),
    ],
    [
      gauge("walctl_slot_xmin_age", "transactions that the slot holds back vacuum"),
      of(({ xmin_age: age }) => age),
    ],
    [
      gauge("walctl_slot_faults", "faults of the slot, by severity"),
      (slot) =>
        SEVERITIES.map((severity) => [
          { ...labelsOf(slot), severity },
          slot.faults.filter((fault) => fault.severity === severity).length,
        ]),
    ],
    [
      gauge("walctl_slot_labels", "1, with what the slot is and who uses it as labels"),
      (slot) => {
        const { plugin, database, application } = slot;
        const words = { plugin, database, application };
        const all = Object.entries(words).map(([name, word]) => [name, word ?? ""] as const);
        return [[{ ...labelsOf(slot), ...Object.fromEntries(all) }, 1]];
      },
    ],
  ];
  return families.map(([each, samples]) => family(each, slots.flatMap(samples))).join("") + END;
}

/** How many checks of each name have each status. */
export function renderChecksMetrics(checks: readonly Check[]): string {
  const names = [...new Set(checks.map(({ check }) => check))];
  const samples = names.flatMap((name) =>
    STATUSES.map((status): Sample => {
      const count = checks.filter((each) => each.check === name && each.status === status).length;
      return [{ check: name, status }, count];
    }),
  );
  return family(gauge("walctl_doctor_checks", "checks of walctl doctor, by status"), samples) + END;
}

function gauge(name: string, help: string, unit?: "bytes"): Family {
  return { name, help, ...(unit === undefined ? {} : { unit }) };
}

function labelsOf({ slot, type }: SlotReport): Labels {
  return { slot_name: slot, slot_type: type };
}

function positionOf(lsn: string | null): bigint | null {
  return lsn === null ? null : (parseLsn(lsn) ?? null);
}

function family({ name, help, unit }: Family, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const head = [`# TYPE ${name} gauge`];
  if (unit !== undefined) head.push(`# UNIT ${name} ${unit}`);
  head.push(`# HELP ${name} ${escape(help)}`);
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    return `${name}{${pairs.join(",")}} ${value}`;
  });
  return `${[...head, ...lines].join("\n")}\n`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
