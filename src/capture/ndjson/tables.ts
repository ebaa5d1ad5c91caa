import { DecodeError, ExitCode, WalctlError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { builtinNamed } from "../../postgres/types/table.ts";
import type {
  Column,
  Relation,
  RelationMessage,
  ReplicaIdentity,
  Transaction,
  TypeMessage,
} from "../../postgres/messages/messages.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import type { Carried } from "./carried.ts";
import { type Fields, nameOnly, numberIn, schemaIn, textIn } from "./fields.ts";
import { elementsOf, membersOf, stringOf } from "./raw-json.ts";
import type { ValueType } from "./values.ts";

export type Description = TypeMessage | RelationMessage;

const TEXT = builtinNamed("text")!.oid;

/** The tables that the lines of a file describe, and those that the files before it described. */
export class Tables {
  readonly #isExact: boolean;
  /** The last description of each table, by name. */
  readonly #relations = new Map<string, Relation>();
  readonly #types = new Map<Relation, readonly ValueType[]>();
  /** Base types of domains, by oid. */
  readonly #bases = new Map<number, number>();
  /** By oid. */
  readonly #announced = new Map<number, TypeMessage>();
  readonly #carried: Carried;
  /** Whether this file follows the one before it. Undefined until its first transaction begins. */
  #goesOn: boolean | undefined;
  readonly #recalled: Description[] = [];

  constructor(isExact: boolean, carried: Carried) {
    this.#isExact = isExact;
    this.#carried = carried;
  }

  /** A transaction begins that commits there. */
  begins(commitLsn: Lsn): void {
    this.#goesOn ??= this.#carried.goesOnAt(commitLsn);
  }

  ended(endLsn: Lsn): void {
    this.#carried.ended(endLsn);
  }

  /** The descriptions taken from the files before since the last call. */
  takeRecalled(transaction: Transaction | null): readonly Description[] {
    return this.#recalled.splice(0).map((each) => ({ ...each, transaction }));
  }

  typesOf(relation: Relation): readonly ValueType[] {
    return this.#types.get(relation)!;
  }

  /** Takes a type line. */
  announce(message: TypeMessage): void {
    const { oid, schema, name } = message;
    const base = schema === "" ? builtinNamed(name)?.oid : undefined;
    if (base !== undefined) this.#bases.set(oid, base);
    this.#announced.set(oid, message);
  }

  /** Takes a relation line. */
  describe(fields: Fields): Relation {
    const columns = elementsOf(fields.get("columns") ?? "[]").map(
      (column): [Column, string | null] => {
        const of = membersOf(column);
        const type = of.get("type") ?? "null";
        return [
          {
            name: textIn(of, "name"),
            key: of.get("key") === "true",
            typeOid: numberIn(of, "type_oid"),
            typeModifier: numberIn(of, "type_modifier"),
          },
          type === "null" ? null : stringOf(type),
        ];
      },
    );
    if (new Set(columns.map(([{ name }]) => name)).size < columns.length)
      throw new DecodeError("line: a column twice", 0);
    const relation: Relation = {
      oid: numberIn(fields, "oid"),
      schema: schemaIn(fields),
      table: textIn(fields, "table"),
      replicaIdentity: textIn(fields, "replica_identity") as ReplicaIdentity,
      columns: columns.map(([column]) => column),
      keyed: columns.some(([{ key }]) => key),
      announced: true,
    };
    const types = columns.map(([{ typeOid }, name]) => ({
      oid: this.#bases.get(typeOid) ?? typeOid,
      name,
    }));
    const oids = new Set(relation.columns.map(({ typeOid }) => typeOid));
    const announced = [...this.#announced.values()].filter(({ oid }) => oids.has(oid));
    this.#know(relation, types);
    this.#carried.note(keyOf(relation), { relation, types, announced });
    return relation;
  }

  #know(relation: Relation, types: readonly ValueType[]): Relation {
    this.#relations.set(keyOf(relation), relation);
    this.#types.set(relation, types);
    return relation;
  }

  /** Of a table that only the files before describe. */
  #recall(key: string, row: Fields): Relation | undefined {
    const table = this.#goesOn === true ? this.#carried.tableOf(key, row) : undefined;
    if (table === undefined) return undefined;
    const { announced, relation, types } = table;
    this.#recalled.push(...announced, {
      kind: "relation",
      position: NO_POSITION,
      transaction: null,
      relation,
    });
    return this.#know(relation, types);
  }

  /** The table that a row or a TRUNCATE names. */
  of(fields: Fields): Relation {
    if (fields.has("oid"))
      return this.#standIn(nameOnly(fields, numberIn(fields, "oid")), fields, false);
    const of = { schema: schemaIn(fields), table: textIn(fields, "table") };
    const key = keyOf(of);
    const known = this.#relations.get(key) ?? this.#recall(key, fields);
    if (known !== undefined) return known;
    if (this.#isExact) {
      throw filtered(`the relation line of ${of.schema}.${of.table}`);
    }
    return this.#standIn(nameOnly(fields, this.#relations.size + 1), fields, true);
  }

  /** Of a table that no line describes: the columns of its first row, and no types. */
  #standIn(name: Relation, fields: Fields, announced: boolean): Relation {
    const key = new Set(membersOf(fields.get("key") ?? "{}").keys());
    const row = membersOf(fields.get("new") ?? fields.get("old") ?? fields.get("key") ?? "{}");
    const columns = [...row.keys()].map((column) => ({
      name: column,
      key: key.has(column),
      typeOid: announced ? TEXT : 0,
      typeModifier: -1,
    }));
    const types = columns.map(({ typeOid }) => ({ oid: typeOid, name: null }));
    return this.#know({ ...name, columns, keyed: key.size > 0, announced }, types);
  }
}

function keyOf({ schema, table }: Pick<Relation, "schema" | "table">): string {
  return `${schema}\0${table}`;
}

/** For SQL and the formats of other programs, which would pass over what is missing. */
export function filtered(what: string): WalctlError {
  return new WalctlError(`${what} is not in the input, and this format needs it`, {
    hint: "Print the lines without --only and --where. As tables: -F table.",
    exitCode: ExitCode.malformedInput,
  });
}
