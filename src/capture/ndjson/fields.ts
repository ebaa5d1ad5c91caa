/** The fields of walctl's lines, each as the JSON that stands there. */
import { DecodeError } from "../../errors.ts";
import { type Lsn, parseLsn } from "../../lsn.ts";
import { type PgTime, pgTimeFromUnixMs } from "../../pg-time.ts";
import type { Relation, WalPosition } from "../../postgres/messages/messages.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import { bytesOf, stringOf } from "./raw-json.ts";

export type Fields = ReadonlyMap<string, string>;

export const INVALID = 0n as Lsn;
export const NEVER = 0n as PgTime;

export function nameOnly(fields: Fields, oid: number, key: "table" | "name" = "table"): Relation {
  const announced = fields.has(key);
  return {
    oid,
    schema: announced ? schemaIn(fields) : "",
    table: announced ? textIn(fields, key) : "",
    replicaIdentity: "nothing",
    columns: [],
    keyed: false,
    announced,
  };
}

function missing(key: string): DecodeError {
  return new DecodeError(`line: "${key}" is missing or wrong`, 0);
}

export function textIn(fields: Fields, key: string): string {
  const raw = fields.get(key);
  if (raw === undefined || !raw.startsWith('"')) throw missing(key);
  return stringOf(raw);
}

/** As on the wire. */
export function schemaIn(fields: Fields): string {
  const schema = textIn(fields, "schema");
  return schema === "pg_catalog" ? "" : schema;
}

export function numberIn(fields: Fields, key: string): number {
  const number = Number(fields.get(key) ?? "");
  if (!Number.isInteger(number) || fields.get(key) === undefined) throw missing(key);
  return number;
}

/** Of any size, with --safe-numbers as a string. */
export function integerIn(fields: Fields, key: string): bigint {
  const [, digits] = /^("?)(-?\d+)\1$/.exec(fields.get(key) ?? "")?.slice(1) ?? [];
  if (digits === undefined) throw missing(key);
  return BigInt(digits);
}

/** 32 bits. */
export function xidIn(fields: Fields, key: string): number {
  const xid = numberIn(fields, key);
  if (xid < 0 || xid > 0xffff_ffff) throw missing(key);
  return xid;
}

export function lsnIn(fields: Fields, key: string): Lsn {
  const lsn = fields.get(key) === "null" ? INVALID : parseLsn(textIn(fields, key));
  if (lsn === undefined) throw missing(key);
  return lsn;
}

export function positionIn(fields: Fields): WalPosition {
  if ((fields.get("lsn") ?? "null") === "null") return NO_POSITION;
  const lsn = lsnIn(fields, "lsn");
  return { high: Number(lsn >> 32n), low: Number(lsn & 0xffffffffn) };
}

/** `2026-11-24T10:57:43.123456Z` */
export function timeIn(fields: Fields, key: string): PgTime {
  const text = fields.get(key) === "null" ? "" : textIn(fields, key);
  if (text === "") return NEVER;
  const [, second = "", fraction = ""] = /^(.*)\.(\d{6})Z$/.exec(text) ?? [];
  const ms = Date.parse(`${second}Z`);
  if (Number.isNaN(ms)) throw missing(key);
  return (pgTimeFromUnixMs(ms) + BigInt(fraction)) as PgTime;
}

export function contentIn(fields: Fields): Uint8Array {
  const base64 = fields.has("content_base64");
  const text = textIn(fields, base64 ? "content_base64" : "content");
  return base64 ? bytesOf(text) : new TextEncoder().encode(text);
}
