import type { PgoutputMessage, Relation } from "../../postgres/messages/messages.ts";
import { formatPgTime } from "../../pg-time.ts";
import { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { renderOther } from "../ndjson/lines.ts";
import type { Renderer } from "../renderer.ts";
import type { RelationTotals, TransactionTotals } from "./ranking.ts";
import { SummaryCounts } from "./summary-counts.ts";

const NOTHING = new Uint8Array();

/** Counts messages instead of printing them; finish() returns the output. */
export class SummaryRenderer implements Renderer {
  readonly #counts = new SummaryCounts();
  readonly #print: (counts: SummaryCounts) => string;

  constructor(print: (counts: SummaryCounts) => string) {
    this.#print = print;
  }

  render(message: PgoutputMessage): void {
    this.#counts.add(message);
  }

  skipped(): void {
    this.#counts.skipped();
  }

  take(): Uint8Array {
    return NOTHING;
  }

  /** Known at the end. */
  get exact(): boolean {
    return this.#counts.exact;
  }

  /** How many tables that changed are not printed. */
  get unlisted(): number {
    const { count, last } = this.#counts.tablesChanged;
    return count - last.length;
  }

  finish(): Uint8Array {
    return new TextEncoder().encode(this.#print(this.#counts));
  }
}

/** One line for each relation, then one for each transaction, largest first, then those of tables that changed. */
export function renderSummaryNdjson(counts: SummaryCounts): string {
  const relations = counts.relations();
  const total = totalBytes(relations);
  const lines = [
    ...relations.map((totals) => relationLine(totals, total)),
    ...counts.transactions().map(transactionLine),
  ];
  const types = new TypeRegistry();
  const changed = counts.tablesChanged.last.map((message) => `${renderOther(message, types)}}\n`);
  return [...lines.map((line) => jsonLine(line)), ...changed].join("");
}

export function totalBytes(relations: readonly RelationTotals[]): number {
  return relations.reduce((sum, { bytes }) => sum + bytes, 0);
}

function relationLine(totals: RelationTotals, total: number): object {
  const { relation, inserts, updates, deletes, truncates, bytes } = totals;
  const name = nameOf(relation);
  const share = total === 0 ? 0 : Math.round((bytes / total) * 10_000) / 10_000;
  return { kind: "relation_summary", ...name, inserts, updates, deletes, truncates, bytes, share };
}

/** Of each transaction in NDJSON: it may have changed a thousand partitions. */
const TABLES_MAX = 20;

function transactionLine(totals: TransactionTotals): object {
  const { xid, changes, bytes, commitTime, partial, tables } = totals;
  const time = commitTime === null ? null : formatPgTime(commitTime);
  return {
    kind: "transaction_summary",
    xid,
    changes,
    bytes,
    commit_time: time,
    ...(partial ? { partial } : {}),
    tables: tables.slice(0, TABLES_MAX).map(({ relation, ...counts }) => {
      const { inserts, updates, deletes, truncates } = counts;
      return { ...nameOf(relation), inserts, updates, deletes, truncates };
    }),
    ...(tables.length > TABLES_MAX ? { more_tables: tables.length - TABLES_MAX } : {}),
  };
}

function nameOf({ schema, table, oid, announced }: Relation): object {
  return announced ? { schema: schema === "" ? "pg_catalog" : schema, table } : { oid };
}
