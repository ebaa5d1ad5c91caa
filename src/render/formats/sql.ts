/*
 * Transactions as SQL that does the same once more, or with --undo takes them back (docs/sql.md).
 * Law: nothing is printed to be run that is not the whole transaction, and no value changes what a statement is.
 */
import { INVALID_LSN, formatLsn } from "../../lsn.ts";
import { type PgTime, formatPgTime } from "../../pg-time.ts";
import type {
  Begin,
  Commit,
  Origin,
  PgoutputMessage,
  Relation,
  RowChange,
  SequenceState,
  TableChanged,
} from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { formatRelationName } from "../values/identifier.ts";
import { RelationPlans } from "../values/relation-plans.ts";
import type { Renderer } from "../renderer.ts";
import { committedOnly } from "./committed-only.ts";
import { SqlChanges } from "./sql-changes.ts";
import { SqlLines } from "./sql-lines.ts";
import { sqlRegclass } from "./sql-names.ts";
import { type SqlPlan, planSql } from "./sql-plan.ts";
import {
  BEGIN,
  type Place,
  type SqlFault,
  type SqlScript,
  faultOf,
  placeOf,
} from "./sql-script.ts";
import { SqlStatements } from "./sql-statements.ts";
import { AnnouncedTables, type TableNowOf, UndoneTables } from "./sql-tables.ts";

export interface SqlOptions {
  readonly types: TypeRegistry;
  readonly script: SqlScript;
  /** --only-table: the tables that a TRUNCATE may name. */
  readonly wanted: ((relation: Relation) => boolean) | undefined;
  /** Whether changes of the transaction that ends could not be read. */
  readonly isLost: () => boolean;
  /** Print tables that were created, dropped and rewritten, too. */
  readonly tablesChanged: boolean;
}

export class SqlRenderer implements Renderer {
  readonly #options: SqlOptions;
  readonly #undo: boolean;
  readonly #plans: RelationPlans<SqlPlan>;
  readonly #lines: SqlLines;
  readonly #statements: SqlStatements;
  readonly #changes: SqlChanges;
  readonly #announced = new AnnouncedTables();
  readonly #undone: UndoneTables;
  #begin: Begin | undefined;
  #origin: Origin | undefined;
  /** BEGIN is written. */
  #open = false;
  /** Why it is not whole. */
  #broken: string | undefined;
  /** Why it is printed as comments. */
  #unfit: SqlFault | undefined;
  #number = 0;
  /** It created, dropped or rewrote tables, and nobody asked for that. */
  #hasUnprinted = false;
  /** The tables whose new files show that they were emptied. */
  #truncated: Relation[] = [];
  #xid: number | undefined;

  constructor(options: SqlOptions) {
    this.#options = options;
    this.#undo = options.script.backwards !== undefined;
    const { backwards, checked } = options.script;
    this.#undone = new UndoneTables(options.script, options.types);
    this.#lines = new SqlLines(checked, backwards);
    this.#statements = new SqlStatements(this.#lines);
    this.#changes = new SqlChanges(this.#statements, (text) => this.#comment(text));
    this.#plans = new RelationPlans((relation) => planSql(relation, options.types));
  }

  take(): Uint8Array {
    return this.#lines.out.take();
  }

  skipped(): void {
    this.#plans.clear();
    this.#cut("its end is missing", true);
  }

  /** @param now see UndoneTables */
  refuseAltered(now: TableNowOf): void {
    this.#undone.refuseAltered(now);
  }

  /** No message will follow. A transaction that has not ended must not be committed. */
  finish(): void {
    this.#cut("it does not end in the input", false);
  }

  /** @param lost false: it may still come as a whole */
  #cut(fault: SqlFault, lost: boolean): void {
    if (this.#begin !== undefined && this.#open) this.#fail(fault, "transaction", undefined);
    if (!lost) this.#broken = undefined;
    if (this.#begin !== undefined || this.#open) this.#end(undefined);
  }

  /** @throws WalctlError on messages of transactions that may still be rolled back */
  render(message: PgoutputMessage): void {
    const { kind } = message;
    if (this.#truncated.length > 0 && !OF_TABLES.has(kind)) this.#truncate(this.#truncated, false);
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#change(message);
      case "begin":
        return this.#beginning(message);
      case "commit":
        return this.#end(message);
      case "truncate":
        return this.#truncate(message.relations, message.restartIdentity);
      case "relation":
        return this.#relation(message.relation);
      case "origin":
        this.#origin = message;
        return;
      case "message": {
        const { prefix, content } = message;
        const text = Buffer.from(content.subarray(0, COMMENT_BYTES)).toString("utf8");
        return this.#comment(`message "${prefix}": ${text}`);
      }
      case "table_changed":
        return this.#tableChanged(message);
      case "sequence":
        return this.#sequence(message);
      case "unknown":
        return this.#fail("a message of it is not known", "transaction", undefined);
      case "type":
        return;
      default:
        throw committedOnly("sql", message.kind);
    }
  }

  #beginning(begin: Begin): void {
    const { transaction, finalLsn, partial = false } = begin;
    // A slot sends again what it had not finished, from an earlier transaction on.
    this.#cut("its end is missing", finalLsn > (this.#begin?.finalLsn ?? INVALID_LSN));
    this.#begin = begin;
    this.#xid = transaction?.xid;
    this.#lines.place = placeOf({ xid: this.#xid, commitLsn: finalLsn });
    if (partial) this.#unfit = "it may have begun before the input";
    else this.#unfit = this.#options.script.repeated(this.#xid ?? 0, finalLsn);
    this.#lines.commented = this.#unfit !== undefined;
  }

  /** @param commit undefined: it does not come */
  #end(commit: Commit | undefined): void {
    // Without statements too, so that its end can be confirmed; --no-empty leaves it out.
    const isEmpty = this.#undo || this.#lines.commented || this.#hasUnprinted;
    if (commit !== undefined && !isEmpty) this.#start();
    const { script } = this.#options;
    const undo = this.#undo;
    const lines = this.#lines;
    if (commit?.lost !== undefined || this.#options.isLost()) {
      this.#fail("some of its changes could not be rebuilt", "transaction", undefined);
    }
    this.#statements.flush();
    if (this.#open && !lines.commented) {
      if (undo) lines.write(`-- ${this.#what()}\n`);
      else if (this.#broken !== undefined || commit === undefined) {
        lines.write(script.rollback(lines.place, this.#broken));
      } else {
        const end = formatLsn(commit.endLsn);
        lines.write(`${script.passes(this.#number)}COMMIT; -- end_lsn ${end}\n`);
      }
    }
    const isBroken = commit !== undefined && this.#broken !== undefined;
    const isWhole = commit !== undefined && (this.#broken ?? this.#unfit) === undefined;
    if (isWhole) script.came(this.#xid ?? 0, commit.commitLsn);
    else if (this.#open) script.unfit++;
    this.#unfit = this.#broken = undefined;
    lines.commented = this.#open = this.#hasUnprinted = false;
    this.#truncated = [];
    this.#begin = this.#origin = this.#xid = undefined;
    if (isBroken) script.onBroken();
  }

  #start(): void {
    if (this.#open) return;
    const { script } = this.#options;
    const undo = this.#undo;
    const lines = this.#lines;
    this.#open = true;
    if (this.#begin === undefined) {
      lines.place = placeOf(this.#place());
      lines.commented = true;
      this.#unfit = "its beginning is missing";
    }
    if (!undo) lines.write(script.prelude());
    if (this.#unfit !== undefined) {
      script.fault(faultOf(this.#unfit, "transaction", undefined, this.#place()));
      const place = lines.place === "" ? "" : `${lines.place}: `;
      if (!undo) lines.write(`-- ${place}${this.#unfit}\n`);
      return;
    }
    this.#number = script.next();
    if (!undo) lines.write(`${BEGIN} -- ${this.#what()}\n${script.follows(this.#number)}`);
  }

  #what(): string {
    const time = formatPgTime(this.#begin?.commitTime ?? (0n as PgTime));
    const origin = this.#origin;
    const from =
      origin === undefined
        ? ""
        : `, origin ${sanitizeLine(origin.name)} ${formatLsn(origin.originLsn)}`;
    return `${this.#undo ? "undo of " : ""}${this.#lines.place}, commit_time ${time}${from}`;
  }

  #change(message: RowChange): void {
    this.#start();
    const { relation } = message;
    if (!relation.announced) {
      return this.#fail("its table was not announced", VERBS[message.kind], relation);
    }
    const plan = this.#plans.of(relation);
    for (const { what, cure } of plan.cautions) {
      this.#lines.write(this.#options.script.caution(what, cure));
    }
    const fault = this.#undo
      ? this.#changes.takeBack(message, plan)
      : this.#changes.repeat(message, plan);
    if (fault !== undefined) this.#fail(fault, VERBS[message.kind], relation);
    else if (this.#undo) {
      if (message.kind !== "delete" && !plan.whole) this.#options.script.finds(relation, plan);
      this.#undone.note(relation, message.position, this.#place());
    }
  }

  #place(): Place {
    return { xid: this.#xid, commitLsn: this.#begin?.finalLsn };
  }

  /**
   * Without CASCADE: the message names the tables that it reached, and others at the target are not to be emptied. A
   * subscription does the same.
   */
  #truncate(relations: readonly Relation[], restartIdentity: boolean): void {
    this.#start();
    this.#truncated = [];
    const { wanted } = this.#options;
    const named = wanted === undefined ? relations : relations.filter(wanted);
    for (const relation of named) {
      if (this.#undo) this.#fail("a TRUNCATE has no inverse", "TRUNCATE", relation);
      else if (!relation.announced) this.#fail("its table was not announced", "TRUNCATE", relation);
    }
    if (this.#undo || !named.every(({ announced }) => announced)) return;
    const lines = this.#lines;
    this.#statements.flush();
    const restart = restartIdentity ? " RESTART IDENTITY" : "";
    const tables = named.map((relation) => this.#plans.of(relation).target).join(", ");
    lines.line(Buffer.from(`TRUNCATE TABLE ${tables}${restart};\n`));
  }

  /** At wal_level=replica there is no message of a TRUNCATE, only the table's new file. */
  #tableChanged({ action, relation }: TableChanged): void {
    if (action === "truncated") this.#truncated.push(relation);
    else if (action === "dropped" && this.#undo) {
      this.#fail("a DROP TABLE has no inverse", "DROP", relation);
    } else if (this.#options.tablesChanged) {
      this.#comment(`${action}: ${formatRelationName(relation)}`);
    } else this.#hasUnprinted = true;
  }

  /** A comment, as messages are: where the target counts is its own affair. An undo takes no sequence back. */
  #sequence({ relation, lastValue, isCalled }: SequenceState): void {
    if (this.#undo) return;
    this.#comment(`SELECT pg_catalog.setval(${sqlRegclass(relation)}, ${lastValue}, ${isCalled});`);
  }

  /** A script for other columns may not run. */
  #relation(relation: Relation): void {
    const altered = this.#announced.note(relation, this.#options.types);
    if (altered === undefined || this.#undone.isRefused(relation.oid, relation)) return;
    this.#comment(`now altered: ${altered}`);
  }

  #comment(text: string): void {
    this.#statements.flush();
    if (!this.#undo) this.#lines.write(this.#options.script.prelude());
    this.#lines.write(`-- ${sanitizeLine(text)}\n`);
  }

  #fail(fault: SqlFault, verb: string, relation: Relation | undefined): void {
    this.#start();
    this.#options.script.fault(faultOf(fault, verb, relation, this.#place()));
    const of = relation === undefined ? "" : ` of ${formatRelationName(relation)}`;
    const why = `${verb}${of}: ${fault}`;
    this.#broken ??= why;
    this.#comment(why);
  }
}

/** Between a table's new file and the message of the TRUNCATE that made it. */
const OF_TABLES: ReadonlySet<string> = new Set(["truncate", "table_changed", "relation", "type"]);
const VERBS = { insert: "INSERT", update: "UPDATE", delete: "DELETE" };
/** So much of a message's content is printed. */
const COMMENT_BYTES = 1000;
