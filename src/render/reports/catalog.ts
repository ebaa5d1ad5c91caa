import { sanitizeLine } from "../bytes/sanitize.ts";
import { drawGrid } from "../terminal/grid.ts";
import { formatCount } from "../cells/numbers.ts";
import { createPalette, type Look } from "../terminal/painted.ts";

/** What `walctl catalog` has exported. */
export interface CatalogReport {
  readonly database: string;
  readonly oid: number;
  readonly encoding: string;
  /** server_version_num: 180004 is 18.4. */
  readonly version: number;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly lsn: string;
  readonly time: string;
  /** By catalogue. */
  readonly counts: ReadonlyMap<string, number>;
}

export function renderCatalogTable(report: CatalogReport, look: Look): string {
  const { version, timeline } = report;
  const palette = createPalette(look);
  const facts: ReadonlyArray<readonly [string, string]> = [
    ["database", `${sanitizeLine(report.database)} (oid ${report.oid}, ${report.encoding})`],
    ["server", `PostgreSQL ${serverVersion(version)}, system ${report.systemIdentifier}`],
    ["LSN", `${report.lsn}, timeline ${timeline}`],
    ["time", report.time],
    ...Array.from(
      report.counts,
      ([catalog, count]) => [catalog, `${formatCount(count)} rows`] as const,
    ),
  ];
  const [[title, first], ...rows] = facts.map(
    ([what, text]) => [palette.quiet(what), text] as const,
  ) as [readonly [string, string], ...Array<readonly [string, string]>];
  return drawGrid({ palette, head: [title, first], rows });
}

/** Of a data directory only the major version is known. */
function serverVersion(version: number): string {
  const minor = version % 10_000;
  return `${Math.floor(version / 10_000)}${minor === 0 ? "" : `.${minor}`}`;
}
