import type { Column, Relation } from "../../postgres/messages/messages.ts";
import { formatColumn, formatIdentifier, formatRelation } from "../values/identifier.ts";
import { clearLine } from "../bytes/sanitize.ts";
import { textWidth } from "../terminal/text-width.ts";
import { glyphsOf } from "./difference.ts";
import { startOfTokens, tokensOf } from "./value.ts";

const PUBLIC = "public";

/** Names that are shortened in the middle, and never so that one looks like another of that width. */
export class ShortNames {
  readonly #ellipsis: string;
  /** The shortened names, by width. */
  readonly #known = new Map<number, { of: Map<string, string>; taken: Set<string> }>();

  constructor(ellipsis: string) {
    this.#ellipsis = ellipsis;
  }

  within(full: string, width: number): string {
    let names = this.#known.get(width);
    if (names === undefined) {
      names = { of: new Map(), taken: new Set() };
      this.#known.set(width, names);
    }
    const known = names.of.get(full);
    if (known !== undefined) return known;
    // Another name may have the same glyphs.
    const isAlike = textWidth(full) <= width && names.taken.has(glyphsOf(full));
    const found = this.#shorten(isAlike ? clearLine(full, true) : full, width, names.taken);
    names.of.set(full, found);
    names.taken.add(glyphsOf(found));
    return found;
  }

  #shorten(full: string, width: number, taken: ReadonlySet<string>): string {
    const isTaken = (short: string): boolean => taken.has(glyphsOf(short));
    if (textWidth(full) <= width && !isTaken(full)) return full;
    const room = Math.max(width - textWidth(this.#ellipsis), 2);
    // Tables of one family usually differ at the end.
    const third = Math.max(1, Math.floor(room / 3));
    const heads = [third, ...Array.from({ length: room - 1 }, (_, index) => index + 1)];
    for (const head of heads) {
      const short = startOfTokens(full, head) + this.#ellipsis + endWithin(full, room - head);
      if (!isTaken(short)) return short;
    }
    // They differ only in the middle.
    for (let number = 2; ; number++) {
      const end = `#${number}`;
      const short = startOfTokens(full, Math.max(room - end.length, 0)) + this.#ellipsis + end;
      if (!isTaken(short)) return short;
    }
  }
}

/**
 * The names of tables on the screen. The first table's schema is usually that of all and is printed once above them;
 * `public` takes its place as soon as it comes. A name that is too long is shortened in the middle, but never to another
 * table's name.
 */
export class TableNames {
  readonly #short: ShortNames;
  #home: string | undefined;
  #next: string | undefined;

  constructor(ellipsis: string) {
    this.#short = new ShortNames(ellipsis);
  }

  /** The schema that is left out; undefined until a table was shown. */
  get home(): string | undefined {
    return this.#home === undefined ? undefined : formatIdentifier(this.#home);
  }

  /** Call it before a table is shown. */
  see({ announced, schema }: Relation): void {
    if (!announced) return;
    this.#home ??= schema === "" ? "pg_catalog" : schema;
    if (schema === PUBLIC) this.#next = schema;
  }

  /** Call it before the schema is printed. */
  turn(): void {
    this.#home = this.#next ?? this.#home;
  }

  full(relation: Relation): string {
    if (!relation.announced) return `oid ${relation.oid}`;
    const { schema, table } = formatRelation(relation);
    return schema === this.home ? table : `${schema}.${table}`;
  }

  within(relation: Relation, width: number): string {
    return this.#short.within(this.full(relation), width);
  }
}

const columnNames = new WeakMap<Relation, ShortNames>();

/** A column's name, shortened so that it does not look like another one of its table. */
export function columnWithin(
  relation: Relation,
  column: Column,
  width: number,
  ellipsis: string,
): string {
  const full = formatColumn(relation, column);
  if (textWidth(full) <= width) return full;
  let names = columnNames.get(relation);
  if (names === undefined) columnNames.set(relation, (names = new ShortNames(ellipsis)));
  return names.within(full, width);
}

function endWithin(text: string, width: number): string {
  const tokens = tokensOf(text);
  let end = "";
  for (let at = tokens.length - 1; at >= 0; at--) {
    const longer = (tokens[at] ?? "") + end;
    if (textWidth(longer) > width) break;
    end = longer;
  }
  return end;
}

/** Shortens a name in the middle. */
export function shortenName(name: string, width: number, ellipsis: string): string {
  if (textWidth(name) <= width) return name;
  const room = Math.max(width - textWidth(ellipsis), 0);
  const head = Math.ceil(room / 2);
  return startOfTokens(name, head) + ellipsis + endWithin(name, room - head);
}
