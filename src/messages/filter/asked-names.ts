import { editDistance } from "../../errors.ts";
import type { PgoutputMessage, Relation } from "../../postgres/messages/messages.ts";
import { quotePlainly } from "../../server/query/sql.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";
import type { TableName } from "../../server/publication/names.ts";
import { shellQuote } from "../../server/target/target.ts";
import type { Warning } from "../../program/reporter.ts";
import { concernsMatch, type MessageFilter } from "./filter.ts";
import { inQuotes, tableMatcher, typedName } from "./table-patterns.ts";

/** A name with more typing errors than this counts as another word. */
const TYPING_ERRORS_MAX = 2;
/** How many tables to name if none is similar. */
const TABLES_NAMED = 3;
/** Damaged input may contain any number of table names. */
const TABLES_MAX = 1000;

/** Finds the names given to --columns and --only-table that match nothing. */
export class AskedNames {
  readonly #columns: AskedColumns;
  readonly #tables: AskedTables;
  /** The filter's test, which also records the tables of all messages and of those that pass. */
  readonly accepts: (message: PgoutputMessage) => boolean;

  constructor(columns: readonly string[], filter: MessageFilter) {
    this.#columns = new AskedColumns(columns);
    this.#tables = new AskedTables(filter.tables, filter.tablesBy);
    this.accepts = this.#tables.watch(this.#columns.watch(filter.accepts));
  }

  /** No table of that name exists: nothing is left to say of what came instead. */
  tablesMissing(): void {
    this.#tables.told = true;
  }

  /** Where the end may never come: the tables that nothing has matched so far, once. */
  soFar(): readonly Warning[] {
    return this.#tables.warnings(" so far");
  }

  /** @param tables all that can come now */
  published(tables: readonly TableName[]): readonly Warning[] {
    return this.#tables.published(tables);
  }

  /** Call it at the end: the table asked for may come late. */
  warnings(): readonly Warning[] {
    return [...this.#tables.warnings(), ...this.#columns.warnings()];
  }
}

/** The patterns of --only-table, if tables came and none of them matches. */
class AskedTables {
  readonly #option: string;
  readonly #patterns: readonly TablePattern[];
  /** Undefined if no pattern was given, or a table has matched. */
  #matches: ((relation: Relation) => boolean) | undefined;
  readonly #others = new Set<string>();
  readonly #seen = new WeakSet<Relation>();
  told = false;

  /** @param option that gave the patterns */
  constructor(patterns: readonly TablePattern[], option: string) {
    this.#patterns = patterns;
    this.#option = option;
    this.#matches = tableMatcher(patterns);
  }

  watch(accepts: (message: PgoutputMessage) => boolean): (message: PgoutputMessage) => boolean {
    if (this.#matches === undefined) return accepts;
    return (message) => {
      if (this.#matches !== undefined) concernsMatch(message, this.#look);
      return accepts(message);
    };
  }

  warnings(when = ""): readonly Warning[] {
    const others = [...this.#others];
    if (this.#matches === undefined || others.length === 0 || this.told) return [];
    this.told = true;
    return [this.#nothing(this.#patterns, `no table matched`, when, "These came", others)];
  }

  /** The patterns that match none of these tables. */
  published(tables: readonly TableName[]): readonly Warning[] {
    const unmatched = this.#patterns.filter(
      ({ fits }) => !tables.some(({ schema, table }) => fits(schema, table)),
    );
    if (unmatched.length === 0) return [];
    this.told = true;
    const others = tables.map(typedName);
    return [this.#nothing(unmatched, "no published table matches", "", "Published are", others)];
  }

  #nothing(
    patterns: readonly TablePattern[],
    what: string,
    when: string,
    these: string,
    others: readonly string[],
  ): Warning {
    const asked = patterns.map(inQuotes).join(", ");
    const meant = patterns
      .map(({ text, hasSchema }) =>
        likeliest(text.replaceAll('"', ""), others, (name) => comparable(name, hasSchema)),
      )
      .find((name) => name !== undefined);
    const named = others.slice(0, TABLES_NAMED).map(shellQuote).join(", ");
    const more = others.length > TABLES_NAMED ? ", …" : "";
    const all = others.length === 0 ? undefined : `${these}: ${named}${more}`;
    return {
      message: `${what} ${asked}${when} (${this.#option})`,
      hint: meant === undefined ? all : `Did you mean ${shellQuote(meant)}?`,
    };
  }

  /** Always returns false, so that all relations are looked at. */
  readonly #look = (relation: Relation): boolean => {
    if (this.#seen.has(relation)) return false;
    this.#seen.add(relation);
    if (this.#matches?.(relation) === true) this.#matches = undefined;
    // A relation that was not announced has no known name.
    else if (relation.announced && this.#others.size < TABLES_MAX) {
      this.#others.add(typedName(relation));
    }
    return false;
  };
}

/** Finds the names given to --columns that no printed table has, for a warning. */
class AskedColumns {
  readonly #unmet: Set<string>;
  readonly #others = new Set<string>();
  readonly #seen = new WeakSet<Relation>();
  /** Some relation was not announced, so its column names are not known. */
  #unknown = false;

  constructor(names: readonly string[]) {
    this.#unmet = new Set(names);
  }

  watch(accepts: (message: PgoutputMessage) => boolean): (message: PgoutputMessage) => boolean {
    if (this.#unmet.size === 0) return accepts;
    return (message) => {
      const accepted = accepts(message);
      if (accepted) this.#look(message);
      return accepted;
    };
  }

  warnings(): readonly Warning[] {
    if (this.#unknown || this.#others.size === 0) return [];
    return [...this.#unmet].map((name) => {
      const meant = likeliest(name, [...this.#others]);
      return {
        message: `no printed table has a column named "${name}" (--columns)`,
        hint: meant === undefined ? undefined : `Did you mean ${quotePlainly(meant)}?`,
      };
    });
  }

  #look(message: PgoutputMessage): void {
    switch (message.kind) {
      case "relation":
      case "insert":
      case "update":
      case "delete":
        break;
      default:
        return;
    }
    const { relation } = message;
    if (this.#seen.has(relation)) return;
    this.#seen.add(relation);
    this.#unknown ||= !relation.announced;
    for (const { name } of relation.columns) {
      this.#unmet.delete(name);
      this.#others.add(name);
    }
  }
}

/** `part` returns what is compared of each other name. */
function likeliest(
  name: string,
  others: readonly string[],
  part: (other: string) => string = (other) => other,
): string | undefined {
  const ranked = others
    .map((other) => ({ other, compared: part(other).toLowerCase() }))
    .map(({ other, compared }) => {
      return { other, compared, errors: editDistance(name.toLowerCase(), compared) };
    })
    .filter(({ compared, errors }) => errors <= TYPING_ERRORS_MAX && errors * 2 <= compared.length)
    .toSorted((one, two) => one.errors - two.errors);
  return ranked[0]?.other;
}

function comparable(typed: string, hasSchema: boolean): string {
  const name = typed.replaceAll('"', "");
  return hasSchema ? name : name.slice(name.indexOf(".") + 1);
}
