import { type Known, NONE, UNKNOWN } from "../../known.ts";
import { DEPTH_MAX } from "../../postgres/stored/stored-forms.ts";
import type { TypeSource } from "../../postgres/stored/type-source.ts";
import type { FirstChanges } from "../../postgres/messages/altered-columns.ts";
import type { CatalogRow, RowVersion, Writer } from "./row-version.ts";
import type { TableVersion } from "./table-version.ts";

/** The last alteration of an object. */
interface Altered {
  readonly lsn: number;
  /** Where the commit record of its transaction starts. */
  readonly commitLsn: number;
}

interface Written<Row> {
  readonly lsn: number;
  /** NONE: the row is new. UNKNOWN: what it was, or is. */
  readonly before: Known<Row>;
  readonly after: Row;
}

/** A stretch of the log in which a table was UNLOGGED: its changes there are not in it. */
export interface UnloggedStretch {
  readonly oid: number;
  /** Undefined: from before the WAL that was read. */
  readonly from: number | undefined;
  /** Where the transaction that ended it did: it may have changed rows before. Undefined: it still is. */
  to: number | undefined;
}

/** What committed transactions altered so that the texts of a table's values mean something else since. */
export class Alterations {
  /** The columns of relations, which composite values are of. */
  readonly #fields = new Map<number, Altered>();
  /** The rows of tables, by ALTER COLUMN TYPE: its USING may be any expression. */
  readonly #rows = new Map<number, Altered>();
  readonly #enums = new Map<number, Altered>();
  /** An enum that is not known. */
  #anyEnum: Altered | undefined;
  /** Of tables that were or became something else, by ALTER TABLE SET LOGGED and SET UNLOGGED. */
  readonly unlogged: UnloggedStretch[] = [];

  /**
   * Takes all that a transaction wrote, when it commits.
   * @param end where its commit record ends
   */
  commit(writers: readonly Writer[], commitLsn: number, end: number): void {
    const created = new Set<number>();
    const rewritten = new Set<number>();
    for (const { lsn, before, after } of writtenRows(writers, "pg_class")) {
      if (isRow(before) && after.relkind === "r") this.#persistence(before, after, lsn, end);
      if (before === NONE) created.add(after.oid);
      // VACUUM FULL, CLUSTER and ALTER TABLE fill a transient table (commands/cluster.c, make_new_heap).
      if (after.relrewrite !== 0) rewritten.add(after.relrewrite);
    }
    const added = new Set<string>();
    for (const { lsn, before, after } of writtenRows(writers, "pg_attribute")) {
      const { attnum, attrelid: relation } = after;
      if (created.has(relation)) continue;
      if (before === NONE) added.add(`${relation} ${attnum}`);
      if (!isRow(before) || isOtherColumn(before, after))
        this.#fields.set(relation, { lsn, commitLsn });
      if (!rewritten.has(relation) || added.has(`${relation} ${attnum}`)) continue;
      if (!isRow(before) || mayBeRetyped(before, after))
        this.#rows.set(relation, { lsn, commitLsn });
    }
    for (const { lsn, before, after } of writtenRows(writers, "pg_enum")) {
      if (before === NONE || (isRow(before) && before.enumlabel === after.enumlabel)) continue;
      if (after.enumtypid === undefined) this.#anyEnum = { lsn, commitLsn };
      else this.#enums.set(after.enumtypid, { lsn, commitLsn });
    }
  }

  /** What was altered of the table behind the first of these changes. Its types are those that it has by now. */
  since(
    { attributes, oid }: Pick<TableVersion, "attributes" | "oid">,
    types: TypeSource,
    first: FirstChanges,
  ): "rows" | "type" | undefined {
    if (isBehind(this.#rows.get(oid), first)) return "rows";
    const isOther = attributes.some(({ dropped, generated, typeOid }) => {
      return !dropped && !generated && this.#isAltered(typeOid, types, first, 0);
    });
    return isOther ? "type" : undefined;
  }

  #persistence(
    { relpersistence: before }: CatalogRow<"pg_class">,
    { oid, relpersistence: after }: CatalogRow<"pg_class">,
    lsn: number,
    end: number,
  ): void {
    if (before === "p" && after === "u") this.unlogged.push({ oid, from: lsn, to: undefined });
    if (before !== "u" || after !== "p") return;
    const open = this.unlogged.find((each) => each.oid === oid && each.to === undefined);
    if (open === undefined) this.unlogged.push({ oid, from: undefined, to: end });
    else open.to = end;
  }

  #isAltered(oid: number, types: TypeSource, first: FirstChanges, depth: number): boolean {
    const type = types.type(oid);
    if (type === undefined || depth > DEPTH_MAX) return true;
    const isPart = (of: number | undefined): boolean =>
      of === undefined || this.#isAltered(of, types, first, depth + 1);
    if (type.isArray) return isPart(type.element);
    switch (type.kind) {
      case "d":
        return isPart(type.base);
      case "r":
        return isPart(types.rangeSubtype(oid));
      case "m":
        return isPart(types.rangeOfMultirange(oid));
      case "e":
        return isBehind(this.#enums.get(oid), first) || isBehind(this.#anyEnum, first);
      case "c": {
        if (isBehind(this.#fields.get(type.relation), first)) return true;
        return types
          .attributes(type.relation)
          .some(({ dropped, typeOid }) => !dropped && isPart(typeOid));
      }
      default:
        return false;
    }
  }
}

function isRow<Row extends object>(known: Known<Row>): known is Row {
  return typeof known === "object";
}

/** Whether one of the changes did not see it. */
function isBehind(altered: Altered | undefined, first: FirstChanges): boolean {
  if (altered === undefined) return false;
  const { commitLsn, lsn } = altered;
  const isOwn = commitLsn === first.commitLsn;
  return (isOwn ? lsn : commitLsn) > first.lsn || commitLsn > first.others;
}

/** The rows that they inserted or updated, in the order of the LSNs. */
function writtenRows<Catalog extends "pg_class" | "pg_attribute" | "pg_enum">(
  writers: readonly Writer[],
  catalog: Catalog,
): ReadonlyArray<Written<CatalogRow<Catalog>>> {
  const isOf = (version: RowVersion): version is RowVersion<Catalog> => version.catalog === catalog;
  return writers
    .flatMap(({ created, deleted, untold }) => {
      const ended = new Map(deleted.filter(isOf).map((version) => [version.deletedAt, version]));
      return created
        .filter(isOf)
        .map(({ createdAt: lsn, isUnknown, row: after }): Written<CatalogRow<Catalog>> => {
          const before = ended.get(lsn);
          const isKnown = !isUnknown && before?.isUnknown !== true && !untold.has(lsn);
          return { lsn, before: isKnown ? (before?.row ?? NONE) : UNKNOWN, after };
        });
    })
    .toSorted((one, two) => one.lsn - two.lsn);
}

function isOtherColumn(
  before: CatalogRow<"pg_attribute">,
  { attisdropped, attname, atttypid, atttypmod }: CatalogRow<"pg_attribute">,
): boolean {
  return (
    before.attname !== attname ||
    before.atttypid !== atttypid ||
    before.atttypmod !== atttypmod ||
    before.attisdropped !== attisdropped
  );
}

/** Every rewrite takes away the values of rows older than a column (catalog/heap.c, RelationClearMissing). */
function mayBeRetyped(
  before: CatalogRow<"pg_attribute">,
  after: CatalogRow<"pg_attribute">,
): boolean {
  if (after.attgenerated !== "") return false;
  return isOtherColumn(before, after) || before.atthasmissing === after.atthasmissing;
}
