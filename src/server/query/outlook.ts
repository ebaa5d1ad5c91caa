import { SqlState } from "./sqlstate.ts";

/**
 * What is to be expected of a stream that an error has ended, once it is started again. `passes`: another attempt may
 * succeed, however long that takes. `doubtful`: it may, or the same error comes for ever, which after some attempts
 * without progress is taken as given. `stays`: nothing changes unless somebody does something.
 */
export type Outlook = "passes" | "doubtful" | "stays";

/**
 * SQLSTATE, or the class that it belongs to, → outlook (manual: PostgreSQL Error Codes). Where both are there, the
 * SQLSTATE decides. pg_recvlogical, for comparison, tries again after every error, every 5 seconds and for ever.
 */
const OUTLOOKS: ReadonlyMap<string, Outlook> = new Map<string, Outlook>([
  // No errors.
  ["00", "stays"],
  ["01", "stays"],
  ["02", "stays"],
  // Connection exceptions. PgBouncer reports every failure of a connection as 08P01.
  ["08", "passes"],
  // What a standby does not do may be done after its promotion: decoding, on 14 and 15.
  ["0A", "doubtful"],
  // Data that the server cannot convert, or that a row filter fails for: the change is in the log as it is.
  ["22", "stays"],
  // Transactions as such are in order. The timeouts for idle sessions and long transactions end a connection.
  ["25", "stays"],
  [SqlState.idleInTransactionSessionTimeout, "passes"],
  [SqlState.transactionTimeout, "passes"],
  // Who may not log in is not let in later either, and may be locked out for trying.
  ["28", "stays"],
  // No such database, no such schema.
  ["3D", "stays"],
  ["3F", "stays"],
  // The server has rolled back for the sake of others: a deadlock with REINDEX of a catalogue, a conflict with recovery.
  ["40", "passes"],
  // Missing objects and rights. For the decoder a publication that is missing at some position stays so.
  ["42", "stays"],
  // Memory, disk, connections, slots: there may be room again.
  ["53", "passes"],
  // A row that is too large to be sent.
  ["54", "stays"],
  // Not ready: a slot that is synchronized from a primary. What is lost for good is found before the start.
  ["55", "passes"],
  [SqlState.cantChangeRuntimeParam, "stays"],
  [SqlState.unsafeNewEnumValueUsage, "stays"],
  // Cancelled, terminated, shutting down, starting, idle for too long.
  ["57", "passes"],
  [SqlState.databaseDropped, "stays"],
  // The disk and the files of the server: an I/O error of a network file system passes, a missing file may not.
  ["58", "doubtful"],
  // A snapshot too old.
  ["72", "passes"],
  // Internal errors: races with changes of the catalogue ("cache lookup failed"), a server that is stopping ("cannot
  // execute new commands while WAL sender is in stopping mode"), damaged data, bugs.
  ["XX", "doubtful"],
  // What only statements of other kinds can meet, or functions that are called by them.
  ...[
    ...["03", "09", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "23", "24", "26", "27", "2B"],
    ...["2D", "2F", "34", "38", "39", "3B", "44", "F0", "HV", "P0"],
  ].map((sqlClass) => [sqlClass, "stays"] as const),
]);

/** A class that PostgreSQL does not have is a fork's. */
export function outlookOfSqlState(sqlState: string): Outlook {
  return OUTLOOKS.get(sqlState) ?? OUTLOOKS.get(sqlState.slice(0, 2)) ?? "doubtful";
}
