import { SqlState } from "./sqlstate.ts";

/**
 * Whether a stream that ended with an error may be started again. `passes`: another attempt may succeed, however long
 * that takes. `doubtful`: it may, or the same error comes every time; after some attempts without progress walctl gives
 * up. `stays`: the error stays until somebody acts.
 */
export type Outlook = "passes" | "doubtful" | "stays";

/**
 * SQLSTATE or its class → outlook (manual: PostgreSQL Error Codes). The SQLSTATE takes precedence. pg_recvlogical, for
 * comparison, tries again after every error, every 5 seconds, without end.
 */
const OUTLOOKS: ReadonlyMap<string, Outlook> = new Map<string, Outlook>([
  // Success and warnings.
  ["00", "stays"],
  ["01", "stays"],
  ["02", "stays"],
  // Connection exceptions. PgBouncer reports every failure of a connection as protocol_violation.
  ["08", "passes"],
  // A standby of version 14 or 15 can decode after its promotion.
  ["0A", "doubtful"],
  // Data that the server cannot convert or filter: the change in the log stays as it is.
  ["22", "stays"],
  // Invalid transaction states stay; the timeouts of this class end a connection.
  ["25", "stays"],
  [SqlState.idleInTransactionSessionTimeout, "passes"],
  [SqlState.transactionTimeout, "passes"],
  // A login that is rejected once is rejected again, and retrying may lock the role out.
  ["28", "stays"],
  // No such database, no such schema.
  ["3D", "stays"],
  ["3F", "stays"],
  // Rolled back for another session: a deadlock with REINDEX of a catalogue, a conflict with recovery.
  ["40", "passes"],
  // Missing objects and rights. A publication that is missing at some position in the log stays missing there.
  ["42", "stays"],
  // Out of memory, disk, connections or slots.
  ["53", "passes"],
  // A row that is too large to be sent.
  ["54", "stays"],
  // Not ready yet, such as a slot being synchronized. An invalidated slot is found before the start.
  ["55", "passes"],
  [SqlState.cantChangeRuntimeParam, "stays"],
  [SqlState.unsafeNewEnumValueUsage, "stays"],
  // Cancelled, terminated, shutting down, starting, idle for too long.
  ["57", "passes"],
  [SqlState.databaseDropped, "stays"],
  // The server's files: an I/O error of a network file system passes, a missing file may not.
  ["58", "doubtful"],
  // A snapshot too old.
  ["72", "passes"],
  // Internal errors: races with changes of the catalogue ("cache lookup failed"), a server that is stopping ("cannot
  // execute new commands while WAL sender is in stopping mode"), damaged data, bugs.
  ["XX", "doubtful"],
  // Errors of statements that a stream does not run.
  ...[
    ...["03", "09", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "23", "24", "26", "27", "2B"],
    ...["2D", "2F", "34", "38", "39", "3B", "44", "F0", "HV", "P0"],
  ].map((sqlClass) => [sqlClass, "stays"] as const),
]);

/** Classes that PostgreSQL does not have belong to forks. */
export function outlookOfSqlState(sqlState: string): Outlook {
  return OUTLOOKS.get(sqlState) ?? OUTLOOKS.get(sqlState.slice(0, 2)) ?? "doubtful";
}
