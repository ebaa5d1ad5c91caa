import { WalctlError } from "../../errors.ts";
import pg from "./pg.ts";
import { SqlState } from "./sqlstate.ts";

/**
 * Why a stream, or another question to the server, ended with an error. What follows for a stream:
 * `server/stream/reconnection`.
 */
export type Cause =
  /** The server stops, has crashed, or is starting. */
  | "stopping"
  /** The session has ended, or the network is gone. */
  | "lost"
  /** The server ended the statement; the next one may succeed, however long that takes. */
  | "interrupted"
  /** The next attempt may succeed, or the same error comes every time. */
  | "doubtful"
  /** Another session uses the slot. */
  | "slotInUse"
  /** The standby synchronizes the slot from its primary: it can be read after the promotion. */
  | "slotSynchronized"
  /** A standby has not yet replayed what was received. */
  | "standbyBehind"
  /** The server waits for a reader that stalls. */
  | "readerStalls"
  /** Another process wrote FILE after this one had read it. */
  | "fileMoved"
  /** Changes would be skipped. */
  | "gap"
  /** The output cannot be written. */
  | "consumer"
  /** The error stays until somebody acts, or it is a bug. */
  | "final";

/** An error of walctl's own that has a cause of these. */
export class Interruption extends Error {
  readonly because: Cause;

  constructor(because: Cause, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = `Interruption (${because})`;
    this.because = because;
  }
}

/** The only judge of errors of the server and the network. A WalctlError is judged by its cause. */
export function causeOf(error: unknown): Cause {
  if (error instanceof Interruption) return error.because;
  if (error instanceof WalctlError)
    return error.cause === undefined ? "final" : causeOf(error.cause);
  if (error instanceof pg.DatabaseError)
    return causeOfSqlState(error.code ?? SqlState.internalError);
  return isNetworkError(error) ? "lost" : "final";
}

/** Whether the same request may succeed later although nobody acts, as far as errors of server and network tell. */
export function passes(error: unknown): boolean {
  return PASSING.has(causeOf(error));
}

const PASSING: ReadonlySet<Cause> = new Set(["stopping", "lost", "interrupted", "slotInUse"]);

/**
 * SQLSTATE or its class → cause (manual: PostgreSQL Error Codes). The SQLSTATE takes precedence. pg_recvlogical, for
 * comparison, tries again after every error, every 5 seconds, without end.
 */
const CAUSES: ReadonlyMap<string, Cause> = new Map<string, Cause>([
  // Success and warnings.
  ["00", "final"],
  ["01", "final"],
  ["02", "final"],
  // Connection exceptions. PgBouncer reports every failure of a connection as protocol_violation.
  ["08", "lost"],
  // A standby of version 14 or 15 can decode after its promotion.
  ["0A", "doubtful"],
  // Data that the server cannot convert or filter: the change in the log stays as it is.
  ["22", "final"],
  // Invalid transaction states stay; the timeouts of this class end a connection.
  ["25", "final"],
  [SqlState.idleInTransactionSessionTimeout, "lost"],
  [SqlState.transactionTimeout, "lost"],
  // A login that is rejected once is rejected again, and retrying may lock the role out.
  ["28", "final"],
  // No such database, no such schema.
  ["3D", "final"],
  ["3F", "final"],
  // Rolled back for another session: a deadlock with REINDEX of a catalogue, a conflict with recovery.
  ["40", "interrupted"],
  // Missing objects and rights. A publication that is missing at some position in the log stays missing there.
  ["42", "final"],
  // Out of memory, disk, connections or slots.
  ["53", "interrupted"],
  [SqlState.tooManyConnections, "lost"],
  // A row that is too large to be sent.
  ["54", "final"],
  // Not ready yet, such as a slot being synchronized. An invalidated slot is found before the start.
  ["55", "interrupted"],
  [SqlState.objectInUse, "slotInUse"],
  [SqlState.cantChangeRuntimeParam, "final"],
  [SqlState.unsafeNewEnumValueUsage, "final"],
  // Terminated, idle for too long.
  ["57", "lost"],
  [SqlState.queryCanceled, "interrupted"],
  [SqlState.adminShutdown, "stopping"],
  [SqlState.crashShutdown, "stopping"],
  [SqlState.cannotConnectNow, "stopping"],
  [SqlState.databaseDropped, "final"],
  // The server's files: an I/O error of a network file system passes, a missing file may not.
  ["58", "doubtful"],
  // A snapshot too old.
  ["72", "interrupted"],
  // Internal errors: races with changes of the catalogue ("cache lookup failed"), a server that is stopping ("cannot
  // execute new commands while WAL sender is in stopping mode"), damaged data, bugs.
  ["XX", "doubtful"],
  // Errors of statements that a stream does not run.
  ...[
    "03",
    "09",
    "0B",
    "0F",
    "0L",
    "0P",
    "0Z",
    "10",
    "20",
    "21",
    "23",
    "24",
    "26",
    "27",
    "2B",
    "2D",
    "2F",
    "34",
    "38",
    "39",
    "3B",
    "44",
    "F0",
    "HV",
    "P0",
  ].map((sqlClass) => [sqlClass, "final"] as const),
]);

/** Classes that PostgreSQL does not have belong to forks. */
export function causeOfSqlState(sqlState: string): Cause {
  return CAUSES.get(sqlState) ?? CAUSES.get(sqlState.slice(0, 2)) ?? "doubtful";
}

const LOST_MESSAGES: ReadonlySet<string> = new Set([
  "Connection terminated",
  "Connection terminated unexpectedly",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
]);

const LOST_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENETRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  // After a failover a standby may become what target_session_attrs asks for.
  "WRONG_SESSION",
]);

/** The network or the server is gone. */
export function isNetworkError(error: unknown): boolean {
  const code = fieldOf(error, "code");
  if (code === undefined) return error instanceof Error && LOST_MESSAGES.has(error.message);
  // The socket's file does not exist while the server restarts. Any other ENOENT concerns a certificate.
  if (code === "ENOENT") return fieldOf(error, "syscall") === "connect";
  return LOST_CODES.has(code);
}

/** A property of an error, if it is text. */
export function fieldOf(error: unknown, name: string): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : undefined;
}
