import type { RowChange } from "../../postgres/messages/messages.ts";
import { type SqlPlan, SqlRow } from "./sql-plan.ts";
import type { SqlFault } from "./sql-script.ts";
import type { Identity } from "./sql-parts.ts";
import type { GroupLimits, SqlStatements } from "./sql-statements.ts";

/** Rows are inserted together for one statement's foreign keys; a cascade may delete many. */
const INSERTED: GroupLimits = { weight: 10_000, bytes: 2 ** 22 };
const DELETED: GroupLimits = { weight: 100_000, bytes: 2 ** 24 };

const UNKNOWN = "a value of it is not known";

/** Row changes as statements: what they did, or its inverse. Each returns what is missing for that. */
export class SqlChanges {
  readonly #statements: SqlStatements;
  readonly #comment: (text: string) => void;
  readonly #after = new SqlRow();
  readonly #before = new SqlRow();

  constructor(statements: SqlStatements, comment: (text: string) => void) {
    this.#statements = statements;
    this.#comment = comment;
  }

  repeat(message: RowChange, plan: SqlPlan): SqlFault | undefined {
    const statements = this.#statements;
    const after = this.#after;
    const before = this.#before;
    if (message.kind === "insert") {
      return statements.insert(plan, after.load(message.new), INSERTED) ? undefined : UNKNOWN;
    }
    const { key, old } = message;
    const tuple = old ?? (plan.keyless ? null : key);
    if (tuple !== null) before.load(tuple);
    const identity = old === null && tuple !== null ? keyIdentity(plan) : identityOf(plan);
    if (message.kind === "delete") {
      if (tuple === null) return "its old row was not sent";
      return statements.delete(plan, before, before, identity, DELETED) ? undefined : UNKNOWN;
    }
    after.load(message.new);
    if (tuple === null) {
      if (identity !== "key") return "its old row was not sent";
      const sets = (at: number): boolean =>
        !plan.columns[at]!.identity && !plan.columns[at]!.always;
      return this.#update(plan, after, sets, after, after, identity);
    }
    const known = (at: number): boolean =>
      old !== null || (identity === "key" ? plan.columns[at]!.identity : before.isValue(at));
    const differs = (at: number): boolean =>
      known(at) ? !after.isSame(at, before) : !plan.columns[at]!.always;
    return this.#update(plan, after, differs, before, before, identity);
  }

  takeBack(message: RowChange, plan: SqlPlan): SqlFault | undefined {
    // An UPDATE into the rows of a filter comes as INSERT, and one out of them as DELETE.
    if (plan.partial) return "not all of its columns, rows or operations are sent";
    if (plan.renamed) return "it or its columns were renamed, dropped or given another type since";
    const statements = this.#statements;
    const after = this.#after;
    const before = this.#before;
    const identity = identityOf(plan);
    const isAllKey = plan.columns.every((column) => column.identity);
    // A row that has changed since must not be found.
    const found = identity === "key" && !isAllKey ? "known" : identity;
    if (message.kind === "insert") {
      const row = after.load(message.new);
      return statements.delete(plan, row, row, found, DELETED) ? undefined : UNKNOWN;
    }
    const tuple = message.old ?? (isAllKey ? message.key : null);
    if (message.kind === "delete") {
      if (tuple === null) return "its old row was not sent";
      return statements.insert(plan, before.load(tuple), DELETED) ? undefined : UNKNOWN;
    }
    if (tuple === null) return isAllKey ? undefined : "its old row was not sent";
    after.load(message.new);
    before.load(tuple);
    const differs = (at: number): boolean => after.isSent(at) && !after.isSame(at, before);
    return this.#update(plan, before, differs, after, before, found);
  }

  #update(
    plan: SqlPlan,
    to: SqlRow,
    differs: (column: number) => boolean,
    row: SqlRow,
    other: SqlRow,
    identity: Identity,
  ): SqlFault | undefined {
    const sets = (column: number): boolean => this.#after.isSent(column) && differs(column);
    const written = this.#statements.update(plan, to, sets, row, other, identity);
    if (written === "same") this.#comment(`UPDATE of ${plan.table} changed nothing`);
    if (written === "always") return "a GENERATED ALWAYS identity column was set";
    return written === "unknown" ? UNKNOWN : undefined;
  }
}

function identityOf(plan: SqlPlan): Identity {
  return plan.whole ? "whole" : "key";
}

/** How a row is found by a key that was sent: one managed service marks no column as key. */
function keyIdentity({ relation }: SqlPlan): Identity {
  return relation.keyed ? "key" : "present";
}
