import { WalctlError } from "../../errors.ts";
import pg from "./pg.ts";
import { CONNECT_DIAGNOSES, diagnoseScram } from "./diagnoses.ts";
import { fieldOf, isNetworkError, passes } from "./causes.ts";
import { type ConnectionTarget, describeHost } from "../target/target.ts";
import { SqlState } from "./sqlstate.ts";

/** Explains a failed connection. A WalctlError is returned unchanged. */
export function connectError(error: unknown, target: ConnectionTarget): WalctlError {
  if (error instanceof WalctlError) return error;
  const { what, detail, hint } = explainConnect(error, target);
  const where = describeHost(target);
  return new WalctlError(`could not connect to server at ${where}: ${what}`, {
    detail,
    hint,
    cause: error,
  });
}

/** A failed attempt; `target` is the server that was tried. */
export interface Failure {
  readonly error: unknown;
  readonly target: ConnectionTarget;
}

/** For several places: the fault of each, and the hint for the last one. */
export function connectErrors(failures: readonly Failure[]): WalctlError {
  const last = failures.at(-1);
  if (last === undefined) throw new TypeError("nothing was tried");
  if (failures.length === 1) return connectError(last.error, last.target);
  const each = failures.map(({ error, target }) =>
    error instanceof WalctlError
      ? error.message
      : `${describeHost(target)}: ${explainConnect(error, target).what}`,
  );
  const { hint } = connectError(last.error, last.target);
  // If one place may recover, another attempt is worthwhile.
  const cause = (failures.find(({ error }) => passes(error)) ?? last).error;
  return new WalctlError(`could not connect to any server: ${each.join("; ")}`, { hint, cause });
}

interface Explanation {
  readonly what: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

function explainConnect(error: unknown, target: ConnectionTarget): Explanation {
  const database = databaseErrorOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const diagnosis =
    CONNECT_DIAGNOSES.get(code ?? message)?.(target, database?.routine, message) ??
    diagnoseScram(message, target);
  const state = (database?.code ?? "") === "" ? "" : ` (SQLSTATE ${database?.code})`;
  const what = (diagnosis?.what ?? message) || (code ?? "unknown error");
  return {
    what: `${what}${state}`,
    detail: database?.detail,
    hint: diagnosis?.hint ?? database?.hint,
  };
}

/** The cause of a TlsWanted is the server's error. */
function databaseErrorOf(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error;
  return error instanceof Error && error.cause instanceof pg.DatabaseError
    ? error.cause
    : undefined;
}

/** A syntax error in the replication grammar means that the session is not a walsender. */
export const NO_WALSENDER =
  "Between here and the server a connection pooler seems to drop the replication parameter: connect to the server itself.";

/** SQLSTATE → hint. */
export type Hints = Readonly<Record<string, string>>;

/**
 * Explains the server's error for a statement: `could not DOING: MESSAGE (SQLSTATE …)`.
 * @param doing in the infinitive: `create publication "p"`
 * @throws `error` itself, if it comes from neither the server nor the connection: a bug
 */
export function serverError(error: unknown, doing: string, hints: Hints = {}): WalctlError {
  if (error instanceof WalctlError) return error;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? SqlState.internalError;
    return new WalctlError(`could not ${doing}: ${error.message} (SQLSTATE ${code})`, {
      detail: detailIsSafe(code) ? error.detail : undefined,
      hint: hints[code] ?? error.hint,
      cause: error,
    });
  }
  if (!isNetworkError(error)) throw error;
  const why = codeOf(error);
  const reason = why === undefined ? "" : ` (${why})`;
  return new WalctlError(`could not ${doing}: the connection to the server was lost${reason}`, {
    cause: error,
  });
}

/** Errors of these classes are about settings, rights and objects; the DETAIL of others may quote a row. */
const SAFE_DETAIL_CLASSES: ReadonlySet<string> = new Set([
  "08",
  "0A",
  "28",
  "2B",
  "3D",
  "3F",
  "40",
  "42",
  "53",
  "55",
  "57",
]);

function detailIsSafe(sqlState: string): boolean {
  // Its DETAIL says which kind of table cannot be published.
  return (
    SAFE_DETAIL_CLASSES.has(sqlState.slice(0, 2)) || sqlState === SqlState.invalidParameterValue
  );
}

/** The SQLSTATE of the server's error, also if it is the cause of a WalctlError. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof WalctlError) return sqlStateOf(error.cause);
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

function codeOf(error: unknown): string | undefined {
  return fieldOf(error, "code");
}
