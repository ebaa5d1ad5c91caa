/** Types of the system: places, snapshots, oids that are printed as names, and what no form is known of. */
import { NONE, UNKNOWN } from "../../known.ts";
import { formatLsn } from "../../lsn.ts";
import type { BinaryReader } from "./binary-reader.ts";
import { type DiskForm, UnknownType } from "./disk-reader.ts";
import { type BuiltinType, type ServerFacts, alike, builtin } from "./type.ts";

/** Int64 */
function lsn(reader: BinaryReader): string {
  return formatLsn(reader.lsn());
}

/** As pg_lsn_out() prints it. */
function lsnForm(majorVersion: number | typeof UNKNOWN): typeof lsn {
  return majorVersion !== UNKNOWN && majorVersion >= 19 ? paddedLsn : lsn;
}

/** From 19 on. */
function paddedLsn(reader: BinaryReader): string {
  const [high = "", low = ""] = lsn(reader).split("/");
  return `${high}/${low.padStart(8, "0")}`;
}

/** Int32 block  Int16 item, both unsigned */
function tid(reader: BinaryReader): string {
  return `(${reader.uint32()},${reader.uint16()})`;
}

/** Int32 running transactions  Int64 xmin  Int64 xmax  { Int64 }×n: pg_snapshot and txid_snapshot */
function snapshot(reader: BinaryReader): string {
  const length = reader.uint32();
  const xmin = reader.int64();
  const xmax = reader.int64();
  if (length * 8 > reader.end - reader.offset) throw reader.truncated(1);
  const running = Array.from({ length }, () => reader.int64());
  return `${xmin}:${xmax}:${running.join(",")}`;
}

/** UInt16 block's upper half  UInt16 its lower half  UInt16 item */
function storedTid(reader: BinaryReader): string {
  const block = reader.uint16() * 0x10000 + reader.uint16();
  return `(${block},${reader.uint16()})`;
}

/** @param zero how 0 is printed */
function named(oid: number, name: string, array: number, zero = "-"): BuiltinType {
  // UInt32. If the catalogue does not have the name, the text is unknown: the number would be another value.
  const storedIn = (server: ServerFacts): DiskForm => {
    const unknown = new UnknownType(oid);
    return (reader) => {
      const object = reader.uint32();
      if (object === 0) return zero;
      const text = server.regName(name, object);
      if (text === UNKNOWN) throw reader.unfit();
      if (text === NONE) throw unknown;
      return latin1(text);
    };
  };
  return builtin(oid, name, array, "named", { storedIn });
}

/** As in text forms: one character for each byte. */
export function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}

export const SYSTEM_TYPES: readonly BuiltinType[] = [
  builtin(27, "tid", 1010, "tid", { sent: tid, stored: storedTid }),
  builtin(3220, "pg_lsn", 3221, "lsn", {
    sentBy: lsnForm,
    storedIn: ({ majorVersion }) => lsnForm(majorVersion),
  }),
  builtin(5038, "pg_snapshot", 5039, "other", alike(snapshot)),
  builtin(2970, "txid_snapshot", 2949, "other", alike(snapshot)),
  named(24, "regproc", 1008),
  named(2202, "regprocedure", 2207),
  named(2203, "regoper", 2208, "0"),
  named(2204, "regoperator", 2209, "0"),
  named(2205, "regclass", 2210),
  named(2206, "regtype", 2211),
  named(3734, "regconfig", 3735),
  named(3769, "regdictionary", 3770),
  named(4089, "regnamespace", 4090),
  named(4096, "regrole", 4097),
  named(4191, "regcollation", 4192),
  named(6490, "regdatabase", 6491),
  builtin(1033, "aclitem", 1034, "other"),
  // Statistics are sent as they are in memory.
  builtin(3361, "pg_ndistinct", 0, "other"),
  builtin(3402, "pg_dependencies", 0, "other"),
  builtin(5017, "pg_mcv_list", 0, "other"),
  builtin(4600, "pg_brin_bloom_summary", 0, "other"),
  builtin(4601, "pg_brin_minmax_multi_summary", 0, "other"),
];
