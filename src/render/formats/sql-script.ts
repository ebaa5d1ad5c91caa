import { INVALID_LSN, type Lsn, formatLsn, maxLsn } from "../../lsn.ts";
import type { Relation } from "../../postgres/messages/messages.ts";
import { formatRelationName } from "../values/identifier.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { type Backwards, block } from "./sql-lines.ts";
import { sqlText } from "./sql-names.ts";

/** Why a change cannot be undone, or a transaction cannot be printed whole. */
export type SqlFault =
  | "its old row was not sent"
  | "a value of it is not known"
  | "some of its changes could not be rebuilt"
  | "its table was not announced"
  | "a TRUNCATE has no inverse"
  | "a DROP TABLE has no inverse"
  | "a GENERATED ALWAYS identity column was set"
  | "not all of its columns, rows or operations are sent"
  | "it or its columns were renamed, dropped or given another type since"
  | "a type of its columns was altered since"
  | "ALTER COLUMN … TYPE rewrote its rows since"
  | "a message of it is not known"
  | "its end is missing"
  | "it may have begun before the input"
  | "its beginning is missing"
  | "it has come before"
  | "it may have come before"
  | "it committed before one that came earlier"
  | "it does not end in the input";

/** A transaction; what is not known of it is undefined. */
export interface Place {
  readonly xid: number | undefined;
  readonly commitLsn: Lsn | undefined;
}

/** The faults of one kind in one table. */
export interface FaultCount extends Place {
  readonly fault: SqlFault;
  readonly verb: string;
  /** Undefined: of the whole transaction. */
  readonly table: string | undefined;
  /** Where it was altered, and is not dropped: what it is now. */
  readonly now?: string | undefined;
  count: number;
}

export function faultOf(
  fault: SqlFault,
  verb: string,
  relation: Relation | undefined,
  place: Place,
): FaultCount {
  const table = relation === undefined ? undefined : formatRelationName(relation);
  return { fault, verb, table, ...place, count: 1 };
}

/** More tables than anybody reads of. */
const FAULTS_MAX = 1000;
/** So many transactions are remembered. A slot sends again what it sent last. */
const TRANSACTIONS_MAX = 100_000;

/**
 * Literals are compared with texts in WHERE, so that the session prints values as the literals were. No search_path, as
 * a subscription has none: an operator there could be another role's code.
 */
const SETTINGS =
  "SET search_path = ''; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET DateStyle = 'ISO, MDY'; " +
  "SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET array_nulls = on; " +
  "SET quote_all_identifiers = off; SET bytea_output = 'hex'; SET xmloption = 'content'; SET client_min_messages = 'warning'; SET row_security = off;";

const TRIGGERS =
  "-- Triggers of the tables run with it. They may set other values, and find no name without a schema, since search_path is empty. " +
  "What they wrote is among the changes too. A superuser can leave them out, and with them the checks of foreign keys: PGOPTIONS='-c session_replication_role=replica' psql ...\n";

export const BEGIN = "BEGIN; SET CONSTRAINTS ALL DEFERRED;";

/** All SQL of one run, which is one script, also if it comes out of several captures. */
export class SqlScript {
  readonly faults = new Map<string, FaultCount>();
  /** Only of an undo. */
  readonly backwards: Backwards | undefined;
  readonly checked: boolean;
  readonly #version: string;
  readonly #came = new Map<bigint, Lsn>();
  /** Up to here it is not known which came. */
  #forgotten = INVALID_LSN;
  #last = INVALID_LSN;
  #begun = false;
  #transactions = 0;
  /** The number of transactions that are comments or end in ROLLBACK. */
  unfit = 0;
  /** The number of changes that an undo takes back. */
  undone = 0;

  readonly #cautions = new Set<string>();
  /** The check that no key was dropped by which an undo finds rows, by table and key. */
  readonly #keyChecks = new Map<string, string>();
  /** Which tables have triggers is not known then. */
  isOfWal = false;
  /** Called once for each. */
  onCaution: (what: string, cure: string) => void = () => {};
  /** Called behind a transaction that was printed, and is not whole. */
  onBroken: () => void = () => {};

  constructor(version: string, checked: boolean, backwards: Backwards | undefined) {
    this.#version = version;
    this.checked = checked;
    this.backwards = backwards;
  }

  get isEmpty(): boolean {
    return this.#transactions === 0;
  }

  /**
   * Whether a whole transaction is there already: captures may hold what was sent twice, and overlap. Or whether a later
   * one is, from a file that was given first.
   */
  repeated(xid: number, commitLsn: Lsn): SqlFault | undefined {
    if (this.#came.has(keyOf(xid, commitLsn))) return "it has come before";
    if (commitLsn <= this.#forgotten) return "it may have come before";
    return commitLsn < this.#last ? "it committed before one that came earlier" : undefined;
  }

  came(xid: number, commitLsn: Lsn): void {
    this.#came.set(keyOf(xid, commitLsn), commitLsn);
    this.#last = maxLsn(this.#last, commitLsn);
    if (this.#came.size <= TRANSACTIONS_MAX) return;
    for (const [oldest, lsn] of this.#came) {
      this.#came.delete(oldest);
      this.#forgotten = maxLsn(this.#forgotten, lsn);
      return;
    }
  }

  /** The number of the next transaction. */
  next(): number {
    return ++this.#transactions;
  }

  fault(fault: FaultCount): void {
    const key = `${fault.fault} ${fault.verb} ${fault.table}`;
    const known = this.faults.get(key);
    if (known !== undefined) known.count += fault.count;
    else if (this.faults.size < FAULTS_MAX) this.faults.set(key, { ...fault });
  }

  /** @param why undefined: it is no fault that it ends here */
  rollback(place: string, why: string | undefined): string {
    const text = sqlText(sanitizeLine(`${place} is not whole: ${why}`));
    // What comes behind it may need what it lacks: psql stops at this error.
    const error = why === undefined ? "" : `SELECT ${text}::integer;\n`;
    return `${error}ROLLBACK; -- not whole\n`;
  }

  /** A comment, the first time. That of an undo is at its top. */
  caution(what: string, cure: string): string {
    const comment = `-- ${what}. ${cure}\n`;
    if (this.#cautions.has(comment)) return "";
    this.#cautions.add(comment);
    this.onCaution(what, cure);
    return this.backwards === undefined ? comment : "";
  }

  /**
   * An undo finds rows of that table by these columns. The key may have been dropped since: then the same values may find
   * more rows than there were.
   */
  finds(
    { schema, table: name }: Pick<Relation, "schema" | "table">,
    { table, keys }: { readonly table: string; readonly keys: readonly string[] },
  ): void {
    const id = `${table} ${keys.join(" ")}`;
    if (this.#keyChecks.has(id)) return;
    const what = sanitizeLine(`${table} has no unique index of (${keys.join(", ")})`);
    const [namespace, relation] = [schema === "" ? "pg_catalog" : schema, name].map(sqlText);
    this.#keyChecks.set(
      id,
      "IF NOT EXISTS (SELECT FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid = indrelid " +
        `JOIN pg_catalog.pg_namespace s ON s.oid = relnamespace WHERE nspname = ${namespace} AND relname = ${relation} ` +
        "AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL AND NOT EXISTS (" +
        "SELECT FROM pg_catalog.generate_series(0, indnkeyatts - 1) n LEFT JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = indkey[n] " +
        `WHERE (attname IN (${keys.map(sqlText).join(", ")}) AND attcollation = indcollation[n]) IS NOT TRUE)) ` +
        `THEN RAISE EXCEPTION ${sqlText(what.replaceAll("%", "%%"))} ` +
        "USING DETAIL = 'Its values may find more rows than are to be taken back.', HINT = 'Create it again, or leave the table out: --only-table.'; END IF;",
    );
  }

  get #insistsOnKeys(): string {
    if (this.#keyChecks.size === 0) return "";
    const checks = [...this.#keyChecks.values()].join(" ");
    return Buffer.concat(block([Buffer.from(`BEGIN ${checks} END`)])).toString();
  }

  /** Once, before everything else. */
  prelude(): string {
    if (this.#begun) return "";
    this.#begun = true;
    const what = this.backwards === undefined ? "Changes" : "The undo of changes";
    // Else psql prints the whole statement below an error of a DO block.
    const context = this.checked ? "-v SHOW_CONTEXT=never " : "";
    const cautions = [...this.#cautions].join("");
    const note = this.isOfWal || this.backwards !== undefined ? TRIGGERS : "";
    const next = this.checked ? "SET walctl.next = '1';\n" : "";
    return (
      `-- ${what} as SQL, by walctl ${this.#version}. To run it: psql -qX -v ON_ERROR_STOP=1 ${context}-f FILE\n` +
      `${SETTINGS}\n${note}${this.backwards === undefined ? next : `${cautions}${BEGIN}\n${this.#insistsOnKeys}`}`
    );
  }

  /** After BEGIN: it fails if the transaction before this one in the script was not committed. */
  follows(number: number): string {
    if (!this.checked) return "";
    const pieces = block([
      Buffer.from(
        `BEGIN IF pg_catalog.current_setting('walctl.next', true) IS DISTINCT FROM '${number}' ` +
          "THEN RAISE EXCEPTION 'the transaction before this one was not committed'; END IF; END",
      ),
    ]);
    return Buffer.concat(pieces).toString("latin1");
  }

  /** Before COMMIT. */
  passes(number: number): string {
    return this.checked ? `SET walctl.next = '${number + 1}';\n` : "";
  }
}

function keyOf(xid: number, commitLsn: Lsn): bigint {
  return (commitLsn << 32n) | BigInt(xid);
}

/** `xid 758, commit_lsn 0/19D4F80`; empty where neither is known. */
export function placeOf({ xid, commitLsn }: Place): string {
  const known = [
    ...(xid === undefined ? [] : [`xid ${xid}`]),
    ...(commitLsn === undefined ? [] : [`commit_lsn ${formatLsn(commitLsn)}`]),
  ];
  return known.join(", ");
}
