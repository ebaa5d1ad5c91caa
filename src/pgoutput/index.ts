/**
 * The library: `import { PgoutputDecoder } from "walctl/pgoutput"`.
 *
 * It is deaf and blind: bytes in, messages or a DecodeError out, with no packages, no files and no clock. Where the
 * bytes come from (a replication connection, `pg_logical_slot_peek_binary_changes`, a file) is the caller's affair.
 *
 * ```ts
 * const decoder = new PgoutputDecoder();
 * const message = decoder.decode(bytes);
 * if (message.kind === "insert") {
 *   for (const value of columnValues(message.new)) console.log(value.kind);
 * }
 * ```
 *
 * One decoder for one stream: it remembers the relations that were announced and the transaction that is open.
 */
export { DecodeError } from "../errors.ts";
export { formatLsn, type Lsn, parseLsn } from "../lsn.ts";
export { formatPgTime, type PgTime, unixMsFromPgTime } from "../pg-time.ts";
export { PgoutputDecoder } from "./decoder.ts";
export type * from "./messages.ts";
export { type CatalogueType, TypeRegistry, type TypeShape } from "./type-registry.ts";
export { type ColumnValue, type TupleData, columnValues } from "./tuple.ts";
