/** The catalogue of a server's database, by a few lines of SQL. */
import { COLUMNS } from "../../../src/catalog/columns.ts";
import {
  type CatalogFile,
  type CatalogHeader,
  type CatalogRows,
  FOLLOWED_CATALOGS,
  type FollowedCatalog,
} from "../../../src/catalog/model.ts";
import type { TestServer } from "../../support/server/server.ts";

const EXPRESSIONS: Readonly<Record<string, string>> = {
  relfilenode: "coalesce(pg_relation_filenode(oid), 0)::int8",
  indkey: "indkey::int2[]",
  attmissingval: "(attmissingval::text::text[])[1]",
  oid: "oid::int8",
};

/** Columns of an oid's type, which JSON would have as strings. */
const kindsOf = (catalog: FollowedCatalog): ReadonlyArray<readonly [string, string]> =>
  Object.entries(COLUMNS[catalog]);

function rowsOf(catalog: FollowedCatalog): string {
  const columns = kindsOf(catalog).map(([name, kind]) => {
    const expression = EXPRESSIONS[name] ?? (kind === "oid" ? `${name}::oid::int8` : name);
    return `${expression} AS ${name}`;
  });
  const place =
    "json_build_object('block', (ctid::text::point)[0], 'item', (ctid::text::point)[1]) AS ctid";
  const where = catalog === "pg_attribute" ? "WHERE attnum > 0" : "";
  return `(SELECT json_agg(r) FROM (SELECT ${place}, ${columns.join(", ")} FROM pg_catalog.${catalog} ${where}) r) AS ${catalog}`;
}

interface Exported extends Record<FollowedCatalog, readonly never[]> {
  readonly lsn: string;
  readonly snapshot: string;
  readonly header: Omit<CatalogHeader, "format" | "lsn" | "snapshot">;
}

export function positionOfText(lsn: string): number {
  const [high = "", low = ""] = lsn.split("/");
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}

export async function exportCatalog(server: TestServer): Promise<CatalogFile> {
  const catalogs = Object.keys(FOLLOWED_CATALOGS) as FollowedCatalog[];
  const filenodes = catalogs.map(
    (name) => `'${name}', pg_relation_filenode('pg_catalog.${name}')::int8`,
  );
  const [row] = await server.sql<Exported>(`
    SELECT ${catalogs.map(rowsOf).join(", ")},
      pg_current_wal_insert_lsn()::text AS lsn, pg_current_snapshot()::text AS snapshot,
      json_build_object('server_version_num', current_setting('server_version_num')::int,
        'system_identifier', (SELECT system_identifier::text FROM pg_control_system()), 'timeline', 1,
        'database', current_database(), 'database_oid', d.oid::int8, 'tablespace', dattablespace::int8,
        'encoding', pg_encoding_to_char(encoding), 'lc_monetary', current_setting('lc_monetary'), 'time', now(),
        'array_handler', 'pg_catalog.array_subscript_handler'::regproc::oid::int8,
        'filenodes', json_build_object(${filenodes.join(", ")})) AS header
    FROM pg_database d WHERE datname = current_database()`);
  const { header, lsn, snapshot } = row!;
  const [xmin = "0", xmax = "0", xip = ""] = snapshot.split(":");
  const rows = Object.fromEntries(catalogs.map((catalog) => [catalog, row![catalog] ?? []]));
  return {
    header: {
      ...header,
      format: 1,
      lsn: positionOfText(lsn),
      snapshot: {
        xmin: BigInt(xmin),
        xmax: BigInt(xmax),
        xip: xip === "" ? [] : xip.split(",").map(BigInt),
      },
    },
    rows: {
      ...rows,
      pg_replication_origin: [],
      reg_names: [],
      extension_types: [],
    } as unknown as CatalogRows,
  };
}
