/** Parses a line of the file, or a row that the server sends, into the types of model.ts. Every value is checked. */
import { formatLsn, parseLsn } from "../lsn.ts";
import { POSITION_LIMIT, ABOVE_LIMIT } from "../postgres/pages/position.ts";
import { COLUMNS, type ColumnKind, hasCtid } from "./columns.ts";
import {
  type CatalogHeader,
  type CatalogRows,
  type Ctid,
  FOLLOWED_CATALOGS,
  type FollowedCatalog,
  type Snapshot,
} from "./model.ts";

/** The fault of a line, such as `relname is not a name`. */
export class LineFault extends Error {}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws LineFault. Keys that are not known are ignored. */
export function parseRow<Catalog extends keyof CatalogRows>(
  catalog: Catalog,
  line: JsonObject,
): CatalogRows[Catalog][number] {
  const row: Record<string, unknown> = {};
  if (hasCtid(catalog)) row["ctid"] = parseCtid(line["ctid"]);
  const columns: Readonly<Record<string, ColumnKind>> = COLUMNS[catalog];
  for (const column of Object.keys(columns)) {
    const value = line[column];
    const kind = columns[column]!;
    if (!IS[kind](value)) {
      throw new LineFault(
        value === undefined ? `${column} is missing` : `${column} is not ${A_KIND[kind]}`,
      );
    }
    row[column] = value;
  }
  return row as unknown as CatalogRows[Catalog][number];
}

/** Throws LineFault. `format` and the version are the caller's to check. */
export function parseHeader(line: JsonObject): CatalogHeader {
  for (const [key, is] of Object.entries(HEADER)) {
    if (!is(line[key])) {
      throw new LineFault(`${key} is ${line[key] === undefined ? "missing" : "wrong"}`);
    }
  }
  const checked = line as unknown as Omit<
    CatalogHeader,
    "lsn" | "snapshot" | "running" | "filenodes"
  >;
  return {
    format: 1,
    server_version_num: checked.server_version_num,
    system_identifier: checked.system_identifier,
    timeline: checked.timeline,
    database: checked.database,
    database_oid: checked.database_oid,
    tablespace: checked.tablespace,
    encoding: checked.encoding,
    lc_monetary: checked.lc_monetary,
    lsn: parsePosition(line["lsn"]),
    snapshot: parseSnapshot(line["snapshot"]),
    ...parseRunning(line["running"]),
    time: checked.time,
    array_handler: checked.array_handler,
    filenodes: parseFilenodes(line["filenodes"]),
  };
}

function parseFilenodes(value: unknown): Record<FollowedCatalog, number> {
  const given = isObject(value) ? value : {};
  const filenodes = Object.keys(FOLLOWED_CATALOGS).map((name) => {
    if (!isInteger(given[name], 1, UINT32_MAX)) throw new LineFault("filenodes is wrong");
    return [name, given[name]] as const;
  });
  return Object.fromEntries(filenodes) as Record<FollowedCatalog, number>;
}

function parsePosition(value: unknown): number {
  const lsn = parseLsn(isText(value) ? value : "");
  if (lsn === undefined) throw new LineFault("lsn is wrong");
  if (lsn >= POSITION_LIMIT) throw new LineFault(`lsn is ${formatLsn(lsn)}, ${ABOVE_LIMIT}`);
  return Number(lsn);
}

function parseSnapshot(value: unknown): Snapshot {
  const [, min, max, list = ""] =
    /^(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)$/.exec(isText(value) ? value : "") ?? [];
  if (min === undefined || max === undefined) throw new LineFault("snapshot is wrong");
  const xip = list === "" ? [] : list.split(",").map(BigInt);
  return { xmin: BigInt(min), xmax: BigInt(max), xip };
}

/** Files of an earlier walctl do not have it. */
function parseRunning(value: unknown): Pick<CatalogHeader, "running"> {
  if (value === undefined) return {};
  const { lsn, xids } = isObject(value) ? value : {};
  if (!Array.isArray(xids) || !xids.every(IS.oid)) throw new LineFault("running is wrong");
  return { running: { lsn: parsePosition(lsn), xids } };
}

function parseCtid(value: unknown): Ctid {
  const [, block, item] = /^\((\d{1,10}),(\d{1,5})\)$/.exec(isText(value) ? value : "") ?? [];
  const ctid = { block: Number(block), item: Number(item) };
  if (ctid.block < UINT32_MAX && ctid.item >= 1 && ctid.item <= INT2_MAX) return ctid;
  throw new LineFault(value === undefined ? "ctid is missing" : "ctid is not a row's place");
}

const UINT32_MAX = 2 ** 32 - 1;
const INT2_MAX = 2 ** 15 - 1;
const INT4_MAX = 2 ** 31 - 1;

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** PostgreSQL's texts hold no NUL. */
function isText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isUint64(value: unknown): boolean {
  return isText(value) && /^\d{1,20}$/.test(value) && BigInt(value) < 1n << 64n;
}

function isTime(value: unknown): boolean {
  return isText(value) && /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value);
}

const isInt2 = (value: unknown): value is number => isInteger(value, -INT2_MAX - 1, INT2_MAX);

const IS: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  oid: (value) => isInteger(value, 0, UINT32_MAX),
  int2: isInt2,
  int4: (value) => isInteger(value, -INT4_MAX - 1, INT4_MAX),
  name: (value) => isText(value) && value !== "",
  label: isText,
  // A byte above 7F is printed as \ooo.
  char: (value) => isText(value) && /^(.?|\\[0-7]{3})$/s.test(value),
  bool: (value) => typeof value === "boolean",
  int2s: (value) => Array.isArray(value) && value.every(isInt2),
  missing: (value) => value === null || isText(value),
  align: (value) => isText(value) && /^[csid]$/.test(value),
  length: (value) => isInteger(value, -2, INT2_MAX),
};

/** Keys of the first line that are unchanged in CatalogHeader. */
const HEADER: Readonly<Record<string, (value: unknown) => boolean>> = {
  server_version_num: IS.oid,
  system_identifier: isUint64,
  timeline: IS.oid,
  database: IS.name,
  database_oid: IS.oid,
  tablespace: IS.oid,
  encoding: IS.name,
  lc_monetary: isText,
  time: isTime,
  array_handler: IS.oid,
};

const A_KIND: Readonly<Record<ColumnKind, string>> = {
  oid: "an oid",
  int2: "an int2",
  int4: "an int4",
  name: "a name",
  label: "a label",
  char: "one character",
  bool: "true or false",
  int2s: "a list of int2",
  missing: "text or null",
  align: "c, s, i or d",
  length: "a length",
};
