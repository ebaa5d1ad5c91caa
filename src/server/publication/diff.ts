import {
  type CatalogueTable,
  type PublicationOptions,
  type PublicationPlan,
  type PublicationState,
  type PublishedTable,
} from "./plan.ts";
import {
  type OptionChanges,
  type PublicationObjects,
  createPublicationSql,
  dropPublicationSql,
  setObjectsSql,
  setOptionsSql,
} from "./sql.ts";
import { quoteIdentifier, quoteQualified } from "../query/sql.ts";

/** The server's defaults. */
const DEFAULTS: PublicationOptions = {
  publish: ["insert", "update", "delete", "truncate"],
  viaPartitionRoot: false,
  generatedColumns: "none",
};

export interface PublicationDifference {
  /** Phrases such as `table "public"."t" is not published`. Empty: nothing differs. */
  readonly texts: readonly string[];
  /** Whether something would no longer be published. */
  readonly takesAway: boolean;
  /** Changes `actual` into `asked`, in one transaction. */
  readonly sql: readonly string[];
}

export function plannedOptions(plan: PublicationPlan): PublicationOptions {
  return {
    publish: plan.publish ?? DEFAULTS.publish,
    viaPartitionRoot: plan.viaPartitionRoot,
    generatedColumns: plan.generatedColumns ?? DEFAULTS.generatedColumns,
  };
}

/** CREATE PUBLICATION with only what differs from the server's defaults. */
export function creationSql(
  name: string,
  objects: PublicationObjects,
  options: PublicationOptions,
): string {
  return createPublicationSql(name, objects, changedOptions(DEFAULTS, options));
}

export function comparePublications(
  name: string,
  actual: PublicationState,
  asked: PublicationState,
  objects: PublicationObjects,
): PublicationDifference {
  const options = changedOptions(actual, asked);
  const optionTexts = describeOptions(actual, asked, options);
  const kindTexts = describeKind(actual, asked);
  if (isForAll(actual) !== isForAll(asked)) {
    // No ALTER does this. Since it is one transaction, a decoder never misses the publication.
    const sql = [dropPublicationSql(name), creationSql(name, objects, asked)];
    return { texts: [...kindTexts, ...optionTexts], takesAway: takesAway(actual, asked), sql };
  }
  const objectTexts = [...kindTexts, ...describeObjects(actual, asked)];
  const setObjects = objectTexts.length > 0 ? [setObjectsSql(name, objects)] : [];
  const setOptions = optionTexts.length > 0 ? [setOptionsSql(name, options)] : [];
  // A partitioned table may have a row filter only while changes are published via its root.
  const sql =
    options.viaPartitionRoot === true
      ? [...setOptions, ...setObjects]
      : [...setObjects, ...setOptions];
  return { texts: [...objectTexts, ...optionTexts], takesAway: takesAway(actual, asked), sql };
}

/** Of all tables, or of all sequences, or of both: lists of tables and of schemas are not for it. */
function isForAll({ allTables, allSequences }: PublicationState): boolean {
  return allTables || allSequences === true;
}

/** Whether readers would get fewer changes, or changes of partitions under other names. */
function takesAway(actual: PublicationState, asked: PublicationState): boolean {
  const lost = (before: readonly string[], now: readonly string[]): boolean =>
    before.some((member) => !now.includes(member));
  const options =
    lost(actual.publish, asked.publish) ||
    actual.viaPartitionRoot !== asked.viaPartitionRoot ||
    (actual.generatedColumns === "stored" && asked.generatedColumns === "none");
  if (options || (actual.allSequences === true && asked.allSequences !== true)) return true;
  if (asked.allTables) return excludesMore(actual, asked);
  if (actual.allTables || lost(actual.schemas, asked.schemas)) return true;
  const after = new Map(asked.tables.map((table) => [table.oid, table]));
  return actual.tables.some((before) => {
    const now = after.get(before.oid);
    if (now === undefined) return true;
    const columns = now.columns !== undefined && lost(before.columns ?? ["*"], now.columns);
    return columns || (now.filter !== undefined && now.filter !== before.filter);
  });
}

function excludesMore(actual: PublicationState, asked: PublicationState): boolean {
  const { allTables, excluded, tables, schemas } = actual;
  if (allTables) return asked.excluded.some((table) => !includes(excluded, table));
  // It may be one of these, or have them as partitions.
  return asked.excluded.length > 0 && tables.length + schemas.length > 0;
}

function includes(tables: readonly CatalogueTable[], { oid }: CatalogueTable): boolean {
  return tables.some((table) => table.oid === oid);
}

function changedOptions(from: PublicationOptions, to: PublicationOptions): OptionChanges {
  return {
    ...(sameMembers(from.publish, to.publish) ? {} : { publish: to.publish }),
    ...(from.viaPartitionRoot === to.viaPartitionRoot
      ? {}
      : { viaPartitionRoot: to.viaPartitionRoot }),
    ...(from.generatedColumns === to.generatedColumns
      ? {}
      : { generatedColumns: to.generatedColumns }),
  };
}

function describeOptions(
  actual: PublicationOptions,
  asked: PublicationOptions,
  changes: OptionChanges,
): readonly string[] {
  const texts: string[] = [];
  const add = (option: string, is: string, should: string): void => {
    texts.push(`${option} is ${is}, not ${should}`);
  };
  if (changes.publish !== undefined) {
    add("publish", `"${actual.publish.join(", ")}"`, `"${asked.publish.join(", ")}"`);
  }
  if (changes.viaPartitionRoot !== undefined) {
    add(
      "publish_via_partition_root",
      String(actual.viaPartitionRoot),
      String(asked.viaPartitionRoot),
    );
  }
  if (changes.generatedColumns !== undefined) {
    add("publish_generated_columns", actual.generatedColumns, asked.generatedColumns);
  }
  return texts;
}

function describeKind(actual: PublicationState, asked: PublicationState): readonly string[] {
  const texts: string[] = [];
  const compare = (what: string, is: boolean | undefined, should: boolean | undefined): void => {
    if ((is ?? false) === (should ?? false)) return;
    texts.push(should === true ? `it is not for ${what}` : `it is for ${what}`);
  };
  compare("all tables", actual.allTables, asked.allTables);
  compare("all sequences", actual.allSequences, asked.allSequences);
  return texts;
}

function describeExcluded(actual: PublicationState, asked: PublicationState): readonly string[] {
  if (!actual.allTables || !asked.allTables) return [];
  const added = asked.excluded.filter((table) => !includes(actual.excluded, table));
  const gone = actual.excluded.filter((table) => !includes(asked.excluded, table));
  return [
    ...added.map((table) => `${named(table)} is not excluded`),
    ...gone.map((table) => `${named(table)} is excluded, which is not asked for`),
  ];
}

function describeObjects(actual: PublicationState, asked: PublicationState): readonly string[] {
  const before = new Map(actual.tables.map((table) => [table.oid, table]));
  const after = new Set(asked.tables.map((table) => table.oid));
  const texts = [
    ...describeExcluded(actual, asked),
    ...asked.tables.flatMap((table) => describeTable(before.get(table.oid), table)),
  ];
  for (const table of actual.tables) {
    if (!after.has(table.oid)) texts.push(`${named(table)} is published and not asked for`);
  }
  for (const schema of asked.schemas) {
    if (!actual.schemas.includes(schema)) {
      texts.push(`schema ${quoteIdentifier(schema)} is not published`);
    }
  }
  for (const schema of actual.schemas) {
    if (!asked.schemas.includes(schema)) {
      texts.push(`schema ${quoteIdentifier(schema)} is published and not asked for`);
    }
  }
  return texts;
}

function describeTable(actual: PublishedTable | undefined, asked: PublishedTable): string[] {
  if (actual === undefined) return [`${named(asked)} is not published`];
  const texts: string[] = [];
  if (!sameColumns(actual.columns, asked.columns)) {
    texts.push(`${named(asked)} has ${columnsText(actual)}, not ${columnsText(asked)}`);
  }
  if (actual.filter !== asked.filter) {
    texts.push(`${named(asked)} has ${filterText(actual)}, not ${filterText(asked)}`);
  }
  return texts;
}

function named(table: CatalogueTable): string {
  return `table ${quoteQualified(table.schema, table.name)}`;
}

function columnsText({ columns }: PublishedTable): string {
  return columns === undefined ? "no column list" : `(${columns.map(quoteIdentifier).join(", ")})`;
}

function filterText({ filter }: PublishedTable): string {
  return filter === undefined ? "no WHERE" : `WHERE ${filter}`;
}

function sameColumns(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameMembers(a, b);
}

/** Compares two lists without duplicates. */
function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((member) => b.includes(member));
}
