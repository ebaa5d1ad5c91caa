/** What PostgreSQL's description of a record (rmgrdesc, as from 16 on) has in common with the detail that walctl prints. */
import type { RecordLine } from "./oracles.ts";

// The test is about what these hold.
// eslint-disable-next-line typescript/no-explicit-any
type Detail = Readonly<Record<string, any>>;

const list = (values: readonly unknown[]): string => `[${values.join(", ")}]`;
const bits = (names: readonly string[]): string =>
  list(names.map((name) => name.replace(/^XMAX_/, "")));
/** `2026-11-25 04:16:43.89034+00` */
const time = (text: string): string => text.replace("T", " ").replace(/\.?0*Z$/, "+00");
const lock = (d: Detail): string[] => [
  `xmax: ${d["xmax"]}, off: ${d["offset"]}, infobits: ${bits(d["infobits"])}`,
];
const update = (d: Detail): string[] => [
  `old_xmax: ${d["old_xmax"]}, old_off: ${d["old_offset"]}, old_infobits: ${bits(d["infobits"])}`,
  `new_xmax: ${d["new_xmax"]}, new_off: ${d["new_offset"]}`,
];
const prune = (d: Detail): string[] => [
  ...(d["horizon"] === undefined ? [] : [`snapshotConflictHorizon: ${d["horizon"]}`]),
  ...["redirected", "dead", "unused"]
    .filter((key) => d[key] !== undefined)
    .map((key) => `n${key}: ${d[key]}`),
];
const end = (d: Detail): string[] => [
  time(d["time"]),
  ...(d["subxids"] === undefined ? [] : [`subxacts: ${d["subxids"].join(" ")}`]),
  ...(d["gid"] === undefined ? [] : [`${d["twophase_xid"]}: ${time(d["time"])}`]),
  ...(d["dropped"] ?? []).map(
    (each: Record<string, number>) => `/${each["database"]}/${each["relfilenode"]}`,
  ),
];
const checkpoint = (d: Detail): string[] => [
  `redo ${d["redo"]}; tli ${d["timeline"]}; prev tli ${d["previous_timeline"]}; fpw ${d["full_page_writes"]};`,
  `xid ${d["next_xid"]}; oid ${d["next_oid"]};`,
  `oldest running xid ${d["oldest_running_xid"] ?? 0};`,
  ...(d["wal_level"] === undefined ? [] : [`wal_level ${d["wal_level"]};`]),
];

const SAID: Readonly<Record<string, (detail: Detail) => readonly string[]>> = {
  "Heap INSERT": (d) => [`off: ${d["offset"]}, flags: `],
  "Heap DELETE": lock,
  "Heap LOCK": lock,
  "Heap2 LOCK_UPDATED": lock,
  "Heap UPDATE": update,
  "Heap HOT_UPDATE": update,
  "Heap INPLACE": (d) => [`off: ${d["offset"]}`],
  "Heap HEAP_CONFIRM": (d) => [`off: ${d["offset"]}`],
  "Heap TRUNCATE": (d) => [`nrelids: ${d["relids"].length}, relids: ${list(d["relids"])}`],
  "Heap2 MULTI_INSERT": (d) => [
    `ntuples: ${d["tuples"]}`,
    ...(d["offsets"] === undefined ? [] : [`offsets: ${list(d["offsets"])}`]),
  ],
  "Heap2 PRUNE": prune,
  "Heap2 PRUNE_ON_ACCESS": prune,
  "Heap2 PRUNE_VACUUM_SCAN": prune,
  "Heap2 PRUNE_VACUUM_CLEANUP": prune,
  "Heap2 VACUUM": prune,
  "Heap2 FREEZE_PAGE": prune,
  "Heap2 VISIBLE": prune,
  "Heap2 NEW_CID": (d) => [
    `rel: ${d["tablespace"]}/${d["database"]}/${d["relfilenode"]}, tid: ${d["tid"].slice(1, -1).replace(",", "/")}`,
    `cmin: ${d["cmin"]}, cmax: ${d["cmax"]}, combo: ${d["combo_cid"]}`,
  ],
  "MultiXact CREATE_ID": (d) => [
    `${d["mid"]} offset ${d["moff"]} nmembers ${d["members"].length}: ${d["members"][0].xid} `,
  ],
  "LogicalMessage MESSAGE": (d) => [
    `${d["transactional"] ? "" : "non-"}transactional, prefix "${d["prefix"]}"; payload (${d["bytes"]} bytes)`,
  ],
  "Standby RUNNING_XACTS": (d) => [
    `nextXid ${d["next_xid"]} latestCompletedXid ${d["latest_completed_xid"]} oldestRunningXid ${d["oldest_running_xid"]}`,
    ...(d["xids"].length === 0 ? [] : [`${d["xids"].length} xacts: ${d["xids"].join(" ")}`]),
  ],
  "Standby LOCK": (d) =>
    d["locks"].map(
      (each: Record<string, number>) =>
        `xid ${each["xid"]} db ${each["database"]} rel ${each["relation_oid"]}`,
    ),
  "Transaction COMMIT": end,
  "Transaction ABORT": end,
  "Transaction COMMIT_PREPARED": end,
  "Transaction ABORT_PREPARED": end,
  "Transaction PREPARE": (d) => [`gid ${d["gid"]}: ${time(d["time"])}`],
  "Transaction ASSIGNMENT": (d) => [`xtop ${d["top_xid"]}: subxacts: ${d["subxids"].join(" ")}`],
  "XLOG CHECKPOINT_ONLINE": checkpoint,
  "XLOG CHECKPOINT_SHUTDOWN": checkpoint,
  "XLOG CHECKPOINT_REDO": (d) => [`wal_level ${d["wal_level"]}`],
  "XLOG NEXTOID": (d) => [`${d["oid"]}`],
  "XLOG RESTORE_POINT": (d) => [d["name"]],
  "XLOG PARAMETER_CHANGE": (d) => [
    `max_connections=${d["max_connections"]} max_worker_processes=${d["max_worker_processes"]} max_wal_senders=${d["max_wal_senders"]}`,
    `max_prepared_xacts=${d["max_prepared_transactions"]} max_locks_per_xact=${d["max_locks_per_transaction"]} wal_level=${d["wal_level"]}`,
  ],
  "Storage CREATE": (d) => [`/${d["relfilenode"]}`],
  "Storage TRUNCATE": (d) => [`/${d["relfilenode"]} to ${d["blocks"]} blocks`],
  "RelMap UPDATE": (d) => [`database ${d["database"]} tablespace ${d["tablespace"]}`],
  "Sequence LOG": (d) => [`rel ${d["tablespace"]}/${d["database"]}/${d["relfilenode"]}`],
};

/** What the description should say and does not; undefined: the type is not compared. */
export function unsaid(record: RecordLine, description: string): readonly string[] | undefined {
  const said = SAID[`${record.rmgr} ${record.type.replace("+INIT", "")}`];
  if (said === undefined) return undefined;
  if (record.detail === undefined) return ["any detail"];
  // Without the rows themselves, which an image replaces, it does not print the offsets.
  const silent = (text: string): boolean =>
    text.startsWith("offsets") && !description.includes("offsets");
  return said(record.detail).filter((text) => !silent(text) && !description.includes(text));
}
