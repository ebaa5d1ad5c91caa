/**
 * The library: `import { PgoutputDecoder } from "walctl/pgoutput"`.
 *
 * It takes bytes and returns messages or throws a DecodeError, without packages, files or a clock. The caller gets the
 * bytes from wherever it likes: a replication connection, `pg_logical_slot_peek_binary_changes`, a file.
 *
 * ```ts
 * const decoder = new PgoutputDecoder();
 * const message = decoder.decode(bytes);
 * if (message.kind === "insert") {
 *   for (const value of columnValues(message.new)) console.log(value.kind);
 * }
 * ```
 *
 * Use one decoder for one stream: it remembers the announced relations and the open transaction.
 */
export { DecodeError } from "../../errors.ts";
export { formatLsn, type Lsn, parseLsn } from "../../lsn.ts";
export { formatPgTime, type PgTime, unixMsFromPgTime } from "../../pg-time.ts";
export { PgoutputDecoder } from "./decoder.ts";
export type * from "./messages.ts";
export { type CatalogueType, TypeRegistry, type TypeShape } from "./type-registry.ts";
export { type ColumnValue, type TupleData, columnValues } from "./tuple.ts";
