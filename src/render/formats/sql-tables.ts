import { type NamedColumn, areAltered } from "../../pgoutput/altered-columns.ts";
import type { Relation } from "../../pgoutput/messages.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { formatIdentifier, formatRelationName } from "../values/identifier.ts";
import { formatType } from "../values/type-names.ts";
import { sqlTable } from "./sql-names.ts";
import { type FaultCount, type Place, faultOf } from "./sql-script.ts";

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
}

/** The tables whose changes an undo takes back, each as it was at its last one. */
export class UndoneTables {
  readonly #tables = new Map<
    number,
    { relation: Relation; count: number; readonly first: Place }
  >();

  note(relation: Relation, place: Place): void {
    const known = this.#tables.get(relation.oid);
    if (known === undefined) this.#tables.set(relation.oid, { relation, count: 1, first: place });
    else {
      known.relation = relation;
      known.count++;
    }
  }

  /** @param now undefined: there is no such table any more */
  *altered(now: (oid: number) => TableNow | undefined, types: TypeRegistry): Generator<FaultCount> {
    for (const oid of this.#tables.keys()) {
      const fault = this.alteredTo(now(oid), oid, types);
      if (fault !== undefined) yield fault;
    }
  }

  /** What of the changes so far does not fit the table as it is now. */
  alteredTo(now: TableNow | undefined, oid: number, types: TypeRegistry): FaultCount | undefined {
    const known = this.#tables.get(oid);
    if (known === undefined) return undefined;
    const { relation, count, first } = known;
    if (now !== undefined && !isAltered(relation, now)) return undefined;
    this.#tables.delete(oid);
    const fault = faultOf(
      "it or its columns were renamed, dropped or given another type since",
      "change",
      relation,
      first,
    );
    if (now === undefined) return { ...fault, count };
    const { columns, schema, table } = now;
    const shown = columns.slice(0, COLUMNS_NAMED).map((column) => withType(column, types));
    if (shown.length < columns.length) shown.push("…");
    return {
      ...fault,
      count,
      now: `${formatRelationName({ ...relation, schema, table })} (${shown.join(", ")})`,
    };
  }
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
