import { type WalctlError, usageError } from "../../errors.ts";
import type { PgoutputMessage, Relation, RowChange } from "../../postgres/messages/messages.ts";
import { builtinType } from "../../postgres/types/table.ts";
import { ColumnCursor, type TupleData } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { asText } from "../../render/values/binary-to-text.ts";
import { quotePlainly } from "../../server/query/sql.ts";
import { NAMES_RULE, NameCursor, type TablePattern } from "../../server/query/typed-names.ts";
import { shellQuote } from "../../server/target/target.ts";
import type { Warning } from "../../program/reporter.ts";
import { isReadable, normalized } from "./typed-values.ts";
import { fitsTable, inQuotes, qualifiedName, typedName } from "./table-patterns.ts";

type Accepts = (message: PgoutputMessage) => boolean;

/** `--row 'orders 42'`: a table and the values of its key, or of columns that are named. */
interface AskedRow {
  readonly table: TablePattern;
  /** The table's, without its schema. */
  readonly name: string;
  /** Undefined: the columns of the key, in its order. */
  readonly names: readonly string[] | undefined;
  /** Of the row, and of what it became when its key changed. */
  readonly keys: Array<readonly string[]>;
}

/** Where a relation has the columns that identify an asked row. */
interface Place {
  readonly row: AskedRow;
  readonly columns: readonly number[];
}

const FORM = `Such as --row 'orders 42', --row 'public.order_items 42 3', --row 'orders id=42'. ${NAMES_RULE}: --row '"My Table" 42'`;
/** Looks ahead for the name of a column. */
const NAMED = /(?="(?:[^"]|"")+"=|[^\s"'.,()=*?]+=)/y;
const VALUE = /(?:'(?:[^']|'')*'|[^\s'"]\S*)(?!\S)/y;
/** A row whose key changes in a loop. */
const KEYS_MAX = 1000;
const CURSOR = new ColumnCursor();

/** The rows that --row names, in all captures of a run. */
export class AskedRows {
  readonly #rows: readonly AskedRow[];
  /** By their messages: the catalogue and what arrives may show the same fault. */
  readonly #warnings = new Map<string, Warning>();
  readonly #told = new Set<Warning>();
  #isMet = false;
  /** Its table came. Where none did, its name is warned of. */
  #isPlaced = false;

  /** @throws WalctlError, a usage error */
  constructor(texts: readonly string[]) {
    this.#rows = texts.map(parseRow);
  }

  get tables(): readonly TablePattern[] {
    return this.#rows.map(({ table }) => table);
  }

  get tableNames(): readonly string[] {
    return this.#rows.map(({ name }) => name);
  }

  /** Asks after `accepts`, of the messages of one stream or capture. */
  after(accepts: Accepts, types: TypeRegistry): Accepts {
    const places = new WeakMap<Relation, readonly Place[]>();
    const placesOf = (relation: Relation): readonly Place[] => {
      const known = places.get(relation) ?? this.#placesOf(relation);
      places.set(relation, known);
      return known;
    };
    return (message) => {
      if (!accepts(message)) return false;
      switch (message.kind) {
        case "insert":
        case "update":
        case "delete":
          return this.#concerns(message, placesOf(message.relation), types);
        case "message":
        case "sequence":
          return false;
        default:
          return true;
      }
    };
  }

  /**
   * What the catalogue shows before a change comes.
   * @param relations all tables with these names, whatever the case of their letters
   * @returns whether it has all tables
   */
  compare(relations: readonly Relation[]): boolean {
    const missing = this.#rows.filter((row) => {
      const found = relations.filter((relation) => fitsTable(row.table, relation));
      for (const relation of found) this.#columnsOf(row, relation, qualifiedName(relation));
      return found.length === 0;
    });
    for (const { table, name } of missing) {
      const alike = relations
        .filter((each) => each.table.toLowerCase() === name.toLowerCase())
        .map(typedName);
      const hint = `Did you mean ${alike.map(shellQuote).join(" or ")}?`;
      this.#warn(
        `table ${inQuotes(table)} does not exist (--row)`,
        alike.length > 0 ? hint : undefined,
      );
    }
    return missing.length === 0;
  }

  /** What is known and has not been told. */
  soFar(): readonly Warning[] {
    const news = [...this.#warnings.values()].filter((warning) => !this.#told.has(warning));
    for (const warning of news) this.#told.add(warning);
    return news;
  }

  /** Known at the end. */
  warnings(): readonly Warning[] {
    if (this.#isMet || !this.#isPlaced || this.#warnings.size > 0) return this.soFar();
    return [{ message: `no change concerned the row that --row names` }];
  }

  #concerns(change: RowChange, places: readonly Place[], types: TypeRegistry): boolean {
    const { relation, key, old, new: row, transaction } = change;
    let concerns = false;
    for (const { row: asked, columns } of places) {
      const matches = (tuple: TupleData | null): boolean => {
        const texts = tuple === null ? undefined : textsOf(tuple, columns, relation, types);
        return (
          texts !== undefined &&
          asked.keys.some((values) =>
            values.every((value, index) => {
              const oid = oidOf(relation, columns[index]);
              return normalized(value, oid) === normalized(texts[index] ?? "", oid);
            }),
          )
        );
      };
      const was = matches(key) || matches(old);
      const is = matches(row);
      concerns ||= was || is;
      // Its key changes; while the commit is not known, that may yet be rolled back.
      if (!was || is || row === null || transaction?.commitTime === null) continue;
      const texts = textsOf(row, columns, relation, types);
      if (texts !== undefined && asked.keys.length < KEYS_MAX) asked.keys.push(texts);
    }
    this.#isMet ||= concerns;
    return concerns;
  }

  #placesOf(relation: Relation): readonly Place[] {
    const name = qualifiedName(relation);
    return this.#rows.flatMap((row) => {
      if (!fitsTable(row.table, relation)) return [];
      this.#isPlaced = true;
      const columns = this.#columnsOf(row, relation, name);
      return columns === undefined ? [] : [{ row, columns }];
    });
  }

  #columnsOf(
    { names, keys: [values = []] }: AskedRow,
    relation: Relation,
    name: string,
  ): readonly number[] | undefined {
    const { columns, keyed, replicaIdentity } = relation;
    if (names !== undefined) {
      const found = names.map((asked) => columns.findIndex((column) => column.name === asked));
      const missing = names[found.indexOf(-1)];
      if (missing === undefined) return this.#typed(found, values, relation);
      this.#warn(`${name} has no column named "${missing}" (--row)`);
      return undefined;
    }
    const isSent = keyed && replicaIdentity !== "full";
    const all = columns.flatMap(({ key }, index) => (!isSent || key ? [index] : []));
    const key = isSent ? all : all.slice(0, values.length);
    const named = key.map((index) => columns[index]?.name ?? "");
    if (key.length !== values.length) {
      const count = `${key.length} ${key.length === 1 ? "column" : "columns"}`;
      this.#warn(
        `the key of ${name} has ${count} (${named.join(", ")}), not ${values.length} (--row)`,
      );
      return undefined;
    }
    if (!isSent) {
      const example = named.map((column) => `${quotePlainly(column)}=VALUE`).join(" ");
      this.#warn(
        `the key of ${name} is not sent: --row takes ${named.join(", ")} for it`,
        `Name the columns: --row ${shellQuote(`${typedName(relation)} ${example}`)}`,
      );
    }
    return this.#typed(key, values, relation);
  }

  #typed(
    columns: readonly number[],
    values: readonly string[],
    relation: Relation,
  ): readonly number[] {
    for (const [at, value] of values.entries()) {
      const column = relation.columns[columns[at] ?? -1];
      if (column === undefined || isReadable(value, column.typeOid)) continue;
      this.#warn(
        `"${value}" is no value of ${typedName(relation)}.${quotePlainly(column.name)}, which is ${builtinType(column.typeOid)?.name} (--row)`,
      );
    }
    return columns;
  }

  #warn(message: string, hint?: string): void {
    if (!this.#warnings.has(message)) this.#warnings.set(message, { message, hint });
  }
}

function parseRow(text: string): AskedRow {
  const cursor = new NameCursor(text, "--row", FORM);
  const { schema, name } = cursor.table();
  const names: string[] = [];
  const values: string[] = [];
  const unfit = (): WalctlError =>
    usageError(`--row takes a table and the values of its key, not "${text}"`, FORM);
  if (/^\s*=/.test(cursor.rest())) throw unfit();
  while (cursor.rest() !== "") {
    if (cursor.take(NAMED) !== undefined) {
      names.push(cursor.name());
      cursor.take(/=/y);
    }
    const value = cursor.take(VALUE);
    if (value === undefined) throw cursor.fault();
    values.push(value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value);
  }
  const isAllNamed = names.length === values.length;
  if (values.length === 0 || (!isAllNamed && names.length > 0)) {
    throw unfit();
  }
  const table: TablePattern = {
    text:
      schema === undefined ? quotePlainly(name) : `${quotePlainly(schema)}.${quotePlainly(name)}`,
    hasSchema: schema !== undefined,
    fits: (itsSchema, itsTable) => (schema ?? itsSchema) === itsSchema && itsTable === name,
  };
  return { table, name, names: isAllNamed ? names : undefined, keys: [values] };
}

/** Undefined if one of them is NULL, or was not sent. */
function textsOf(
  tuple: TupleData,
  columns: readonly number[],
  relation: Relation,
  types: TypeRegistry,
): readonly string[] | undefined {
  const texts: string[] = [];
  CURSOR.attach(tuple);
  const last = Math.max(...columns);
  for (let index = 0; index <= last; index++) {
    CURSOR.next();
    const place = columns.indexOf(index);
    if (place === -1) continue;
    const value = asText(CURSOR.value(), oidOf(relation, index), types);
    if (value.kind !== "text") return undefined;
    texts[place] = Buffer.from(value.bytes).toString();
  }
  return texts;
}

function oidOf({ columns }: Relation, index: number | undefined): number {
  return columns[index ?? -1]?.typeOid ?? 0;
}
