import { usageError } from "../../errors.ts";
import type { PgoutputMessage, Relation, RowChange } from "../../pgoutput/messages.ts";
import { ColumnCursor, type TupleData } from "../../pgoutput/tuple.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { asText } from "../../render/values/binary-to-text.ts";
import { quotePlainly } from "../../server/query/sql.ts";
import { NAMES_RULE, NameCursor, type TablePattern } from "../../server/query/typed-names.ts";
import { shellQuote } from "../../server/target/target.ts";
import type { Warning } from "../reporter.ts";
import { fitsTable, qualifiedName, typedName } from "./table-patterns.ts";

type Accepts = (message: PgoutputMessage) => boolean;

/** `--row 'orders 42'`: a table and the values of its key, or of columns that are named. */
interface AskedRow {
  readonly table: TablePattern;
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
  readonly #warnings = new Map<string, Warning>();
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
          return false;
        default:
          return true;
      }
    };
  }

  /** Known at the end. */
  warnings(): readonly Warning[] {
    if (this.#isMet || !this.#isPlaced || this.#warnings.size > 0)
      return [...this.#warnings.values()];
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
      if (missing === undefined) return found;
      this.#warn(name, `${name} has no column named "${missing}" (--row)`);
      return undefined;
    }
    const isSent = keyed && replicaIdentity !== "full";
    const all = columns.flatMap(({ key }, index) => (!isSent || key ? [index] : []));
    const key = isSent ? all : all.slice(0, values.length);
    const named = key.map((index) => columns[index]?.name ?? "");
    if (key.length !== values.length) {
      const count = `${key.length} ${key.length === 1 ? "column" : "columns"}`;
      this.#warn(
        name,
        `the key of ${name} has ${count} (${named.join(", ")}), not ${values.length} (--row)`,
      );
      return undefined;
    }
    if (!isSent) {
      const example = named.map((column) => `${quotePlainly(column)}=VALUE`).join(" ");
      this.#warn(
        name,
        `the key of ${name} is not sent: --row takes ${named.join(", ")} for it`,
        `Name the columns: --row ${shellQuote(`${typedName(relation)} ${example}`)}`,
      );
    }
    return key;
  }

  #warn(table: string, message: string, hint?: string): void {
    this.#warnings.set(table, { message, hint });
  }
}

function parseRow(text: string): AskedRow {
  const cursor = new NameCursor(text, "--row", FORM);
  const { schema, name } = cursor.table();
  const names: string[] = [];
  const values: string[] = [];
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
    throw usageError(`--row takes a table and the values of its key, not "${text}"`, FORM);
  }
  const table: TablePattern = {
    text:
      schema === undefined ? quotePlainly(name) : `${quotePlainly(schema)}.${quotePlainly(name)}`,
    hasSchema: schema !== undefined,
    fits: (itsSchema, itsTable) => (schema ?? itsSchema) === itsSchema && itsTable === name,
  };
  return { table, names: isAllNamed ? names : undefined, keys: [values] };
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

const BOOL = 16;
const BPCHAR = 1042;
const UUID = 2950;
const MOMENTS: ReadonlySet<number> = new Set([1114, 1184]);
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** One text of those that PostgreSQL reads as the same value. */
function normalized(text: string, oid: number): string {
  if (NUMBERS.has(oid)) {
    const [, sign, whole = "", fraction = ""] =
      /^([+-]?)0*(\d*?)(?:\.(\d*?)0*)?$/.exec(text.trim()) ?? [];
    if (sign === undefined) return text;
    const digits = `${whole === "" ? "0" : whole}${fraction === "" ? "" : `.${fraction}`}`;
    return sign === "-" && digits !== "0" ? `-${digits}` : digits;
  }
  if (oid === UUID) return text.replace(/[-{}]/g, "").toLowerCase();
  if (oid === BOOL) return text.slice(0, 1).toLowerCase();
  if (oid === BPCHAR) return text.replace(/ +$/, "");
  return MOMENTS.has(oid) ? text.replace("T", " ").replace(/Z$/, "+00") : text;
}
