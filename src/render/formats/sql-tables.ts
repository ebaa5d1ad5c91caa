import {
  type FirstChanges,
  type NamedColumn,
  areAltered,
} from "../../postgres/messages/altered-columns.ts";
import type { Relation, WalPosition } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { formatIdentifier, formatRelationName } from "../values/identifier.ts";
import { formatType } from "../values/type-names.ts";
import { sqlTable } from "./sql-names.ts";
import { type Place, type SqlFault, type SqlScript, faultOf } from "./sql-script.ts";

/** Damaged input may announce any number of them. */
const TABLES_MAX = 10_000;

/** Tables as last announced. */
export class AnnouncedTables {
  readonly #last = new Map<number, string>();

  /** The table as text. Undefined: it is new, or as it was. */
  note(relation: Relation, types: TypeRegistry): string | undefined {
    const columns = relation.columns.map((column) => withType(column, types));
    const text = `${sqlTable(relation)} (${columns.join(", ")})`;
    const known = this.#last.get(relation.oid);
    if (this.#last.size > TABLES_MAX) this.#last.clear();
    this.#last.set(relation.oid, text);
    return known === undefined || known === text ? undefined : text;
  }
}

/** A refusal names so many columns. */
const COLUMNS_NAMED = 20;

/** A table by now. */
export interface TableNow extends Pick<Relation, "schema" | "table"> {
  readonly columns: readonly NamedColumn[];
  /** What else has happened since the first change. */
  readonly altered?: SqlFault | undefined;
}

/** @param first the changes of the table that an undo takes back */
export type TableNowOf = (oid: number, first: FirstChanges) => TableNow | undefined;

interface Undone {
  relation: Relation;
  count: number;
  readonly first: Place;
  at: FirstChanges;
}

/** The tables whose changes an undo takes back, each as it was at its last one. */
export class UndoneTables {
  readonly #script: SqlScript;
  readonly #types: TypeRegistry;
  readonly #tables = new Map<number, Undone>();

  constructor(script: SqlScript, types: TypeRegistry) {
    this.#script = script;
    this.#types = types;
  }

  note(relation: Relation, { high, low }: WalPosition, place: Place): void {
    this.#script.undone++;
    const known = this.#tables.get(relation.oid);
    const lsn = high * 2 ** 32 + low;
    const commitLsn = Number(place.commitLsn);
    if (known === undefined) {
      const at = { lsn, commitLsn, others: Infinity };
      this.#tables.set(relation.oid, { relation, count: 1, first: place, at });
    } else {
      known.relation = relation;
      known.count++;
      known.at = earlier(known.at, lsn, commitLsn);
    }
  }

  /** @param now undefined: there is no such table any more */
  refuseAltered(now: TableNowOf): void {
    for (const [oid, { at }] of this.#tables) this.isRefused(oid, now(oid, at));
  }

  /** Whether the changes so far do not fit the table as it is now. The script then has that fault. */
  isRefused(oid: number, now: TableNow | undefined): boolean {
    const known = this.#tables.get(oid);
    if (known === undefined) return false;
    const { relation, count, first } = known;
    const what =
      now === undefined || isAltered(relation, now)
        ? "it or its columns were renamed, dropped or given another type since"
        : now.altered;
    if (what === undefined) return false;
    this.#tables.delete(oid);
    const fault = faultOf(what, "change", relation, first);
    this.#script.fault({ ...fault, count, now: now && this.#text(relation, now) });
    return true;
  }

  #text(relation: Relation, { columns, schema, table }: TableNow): string {
    const shown = columns.slice(0, COLUMNS_NAMED).map((column) => withType(column, this.#types));
    if (shown.length < columns.length) shown.push("…");
    return `${formatRelationName({ ...relation, schema, table })} (${shown.join(", ")})`;
  }
}

function earlier(first: FirstChanges, lsn: number, commitLsn: number): FirstChanges {
  if (commitLsn === first.commitLsn) return lsn < first.lsn ? { ...first, lsn } : first;
  if (lsn < first.lsn) return { lsn, commitLsn, others: first.lsn };
  return lsn < first.others ? { ...first, others: lsn } : first;
}

function withType({ name, typeOid, typeModifier }: NamedColumn, types: TypeRegistry): string {
  const type = formatType(typeOid, typeModifier, types, () => undefined) ?? typeOid;
  return `${formatIdentifier(name)} ${type}`;
}

function isAltered(before: Relation, now: TableNow): boolean {
  const isSame = schemaOf(before) === schemaOf(now) && before.table === now.table;
  return !isSame || areAltered(before.columns, now.columns);
}

function schemaOf({ schema }: TableNow): string {
  return schema === "" ? "pg_catalog" : schema;
}
