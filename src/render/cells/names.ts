import type { Relation } from "../../pgoutput/messages.ts";
import { formatIdentifier, formatRelation } from "../values/identifier.ts";
import { startWithin, textWidth } from "../terminal/text-width.ts";

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
    const found = this.#shorten(full, width, names.taken);
    names.of.set(full, found);
    names.taken.add(found);
    return found;
  }

  #shorten(full: string, width: number, taken: ReadonlySet<string>): string {
    if (textWidth(full) <= width && !taken.has(full)) return full;
    const room = Math.max(width - textWidth(this.#ellipsis), 2);
    // Tables of one family usually differ at the end.
    const third = Math.max(1, Math.floor(room / 3));
    const heads = [third, ...Array.from({ length: room - 1 }, (_, index) => index + 1)];
    for (const head of heads) {
      const short = startWithin(full, head) + this.#ellipsis + endWithin(full, room - head);
      if (!taken.has(short)) return short;
    }
    // They differ only in the middle.
    for (let number = 2; ; number++) {
      const end = `#${number}`;
      const short = startWithin(full, Math.max(room - end.length, 0)) + this.#ellipsis + end;
      if (!taken.has(short)) return short;
    }
  }
}

/**
 * The names of tables on the screen. The first table's schema is usually that of all and is printed once above them. A
 * name that is too long is shortened in the middle, but never to another table's name.
 */
export class TableNames {
  readonly #short: ShortNames;
  #home: string | undefined;

  constructor(ellipsis: string) {
    this.#short = new ShortNames(ellipsis);
  }

  /** The schema that is left out; undefined until a table was shown. */
  get home(): string | undefined {
    return this.#home === undefined ? undefined : formatIdentifier(this.#home);
  }

  /** Call it before a table is shown. */
  see(relation: Relation): void {
    if (relation.announced) this.#home ??= relation.schema === "" ? "pg_catalog" : relation.schema;
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

function endWithin(text: string, width: number): string {
  const characters = Array.from(text);
  let end = "";
  for (let at = characters.length - 1; at >= 0; at--) {
    const longer = (characters[at] ?? "") + end;
    if (textWidth(longer) > width) break;
    end = longer;
  }
  return end;
}

/** Shortens a column's name in the middle. */
export function shortenName(name: string, width: number, ellipsis: string): string {
  if (textWidth(name) <= width) return name;
  const room = Math.max(width - textWidth(ellipsis), 0);
  const head = Math.ceil(room / 2);
  return startWithin(name, head) + ellipsis + endWithin(name, room - head);
}
