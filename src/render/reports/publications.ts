import type { Check } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { sanitizeLine, sanitizeLines } from "../bytes/sanitize.ts";
import { drawGrid } from "../terminal/grid.ts";
import { type Look, type Palette, createPalette } from "../terminal/painted.ts";
import { formatIdentifier } from "../values/identifier.ts";
import { byStatus, renderCheckText } from "./checks.ts";

type Format = "table" | "ndjson";

/** A published table, with its column list and its filter. Null: all columns, all rows. */
interface TableReport extends TableName {
  readonly columns: readonly string[] | null;
  readonly where: string | null;
}

/** What publications reports of each; the keys and their order are the contract's. */
interface PublicationReport {
  readonly publication: string;
  readonly status: Check["status"];
  readonly all_tables: boolean;
  readonly schemas: readonly string[];
  readonly publish: readonly string[];
  readonly via_partition_root: boolean;
  readonly generated_columns: string;
  readonly tables: readonly TableReport[];
  readonly faults: readonly Check[];
  /** Null: before PostgreSQL 19 there is no such thing, nor the next one. */
  readonly all_sequences: boolean | null;
  /** The tables that "all tables" leaves out; a partitioned table stands for its partitions. */
  readonly except: readonly TableName[] | null;
}

interface TableName {
  readonly schema: string;
  readonly table: string;
}

interface DroppedReport {
  readonly publication: string;
  readonly status: string;
  readonly sql: readonly string[];
  readonly undo: readonly string[];
  readonly tables: readonly TableReport[];
}

/** As the catalogue has it. */
interface State {
  readonly allTables: boolean;
  readonly schemas: readonly string[];
  readonly publish: readonly string[];
  readonly viaPartitionRoot: boolean;
  readonly generatedColumns: string;
  readonly allSequences: boolean | undefined;
  readonly excluded: ReadonlyArray<{ readonly schema: string; readonly name: string }>;
  readonly tables: ReadonlyArray<{
    readonly schema: string;
    readonly name: string;
    readonly columns: readonly string[] | undefined;
    readonly filter: string | undefined;
  }>;
}

/** @param members all tables that it publishes, those of its schemas and partitions among them */
export function publicationReport(
  publication: string,
  state: State,
  members: readonly TableName[] = [],
  faults: readonly Check[] = [],
): PublicationReport {
  const listed = state.tables.map(({ schema, name, columns, filter }) => ({
    schema,
    table: name,
    columns: columns ?? null,
    where: filter ?? null,
  }));
  const isListed = (one: TableName): boolean =>
    listed.some(({ schema, table }) => schema === one.schema && table === one.table);
  const others = members
    .filter((each) => !isListed(each))
    .map(({ schema, table }) => ({ schema, table, columns: null, where: null }));
  const isSince19 = state.allSequences !== undefined;
  const failed = faults.some(({ status }) => status === "fail");
  return {
    publication,
    status: failed ? "fail" : faults.length > 0 ? "warning" : "ok",
    all_tables: state.allTables,
    schemas: state.schemas,
    publish: state.publish,
    via_partition_root: state.viaPartitionRoot,
    generated_columns: state.generatedColumns,
    tables: [...listed, ...others],
    faults,
    all_sequences: state.allSequences ?? null,
    except: isSince19 ? state.excluded.map(({ schema, name }) => ({ schema, table: name })) : null,
  };
}

/** @param faults those of all of them, for the table: each once. NDJSON has each with its publication. */
export function renderPublications(
  reports: readonly PublicationReport[],
  faults: readonly Check[],
  format: Format,
  width: number,
  look: Look,
): string {
  if (format === "ndjson") return reports.map((each) => jsonLine(withoutCheckNames(each))).join("");
  if (reports.length === 0) return "The database has no publications.\n";
  const palette = createPalette(look);
  const grid = drawGrid({
    palette,
    head: ["publication", "publishes", "tables"].map((title) => palette.quiet(title)),
    rows: reports.map((report) => [
      palette.strong(formatIdentifier(report.publication)),
      options(report).join("\n"),
      tables(report, palette).join("\n"),
    ]),
    ruled: true,
  });
  return (
    grid +
    byStatus(faults)
      .map((each) => renderCheckText(each, width, look))
      .join("")
  );
}

/** The form of slots' faults: which check found it is doctor's affair. */
function withoutCheckNames(report: PublicationReport): object {
  const faults = report.faults.map(({ status, message, fix }) => {
    return { severity: status, message, fix };
  });
  return { ...report, faults };
}

function options({
  publish,
  via_partition_root: root,
  generated_columns: generated,
}: PublicationReport): string[] {
  return [
    ...(publish.length === 0 ? ["nothing"] : publish),
    ...(root ? ["via partition root"] : []),
    ...(generated === "stored" ? ["generated columns"] : []),
  ];
}

/** More are counted. */
const TABLES_MAX = 10;

function tables(
  { all_tables: all, all_sequences: sequences, except, schemas, tables: list }: PublicationReport,
  palette: Palette,
): string[] {
  const out = except ?? [];
  const heads = all
    ? ["all tables", ...out.slice(0, TABLES_MAX).map((table) => `except ${nameText(table)}`)]
    : schemas.map((schema) => `all of schema ${formatIdentifier(schema)}`);
  const lines = list.slice(0, TABLES_MAX).map((table) => tableText(table));
  const more = list.length - lines.length;
  const moreOut = out.length - TABLES_MAX;
  return [
    ...heads,
    ...(moreOut > 0 ? [palette.quiet(`and except ${moreOut} more`)] : []),
    ...(list.length === 0 ? [palette.quiet("none")] : lines),
    ...(more > 0 ? [palette.quiet(`and ${more} more`)] : []),
    ...(sequences === true ? ["all sequences, which pgoutput does not send"] : []),
  ];
}

function nameText({ schema, table }: TableName): string {
  return `${formatIdentifier(schema)}.${formatIdentifier(table)}`;
}

function tableText({ columns, where, ...name }: TableReport): string {
  const list = columns === null ? "" : ` (${columns.map(formatIdentifier).join(", ")})`;
  const filter = where === null ? "" : ` WHERE ${sanitizeLine(where)}`;
  return `${nameText(name)}${list}${filter}`;
}

export function renderDroppedPublication(
  report: DroppedReport,
  format: Format,
  look: Look,
): string {
  if (format === "ndjson") return jsonLine(report);
  const palette = createPalette(look);
  const { publication, status, sql, undo } = report;
  const grid = drawGrid({
    palette,
    head: ["publication", "status", "tables"].map((title) => palette.quiet(title)),
    rows: [
      [
        formatIdentifier(publication),
        palette.committed(status.replace("_", " ")),
        report.tables.map(tableText).join("\n") || palette.quiet("none by name"),
      ],
    ],
    ruled: true,
  });
  const statements = (list: readonly string[]): string =>
    list.map((statement) => `${sanitizeLines(statement)};\n`).join("");
  return `${grid}${statements(sql)}-- To have it back:\n${statements(undo)}`;
}
