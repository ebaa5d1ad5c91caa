/** PostgreSQL 19's columns of the publications' catalogues, on an older server. */
import type { TestServer } from "./server.ts";

/**
 * Adds the columns to the database's catalogues, where statements for 19 then find them; the server itself knows nothing
 * of them. From here on it may not create, alter or drop publications: it would write rows of the old width.
 * @param except the names of publications FOR TABLE: they become FOR ALL TABLES EXCEPT their tables
 * @param sequences the names of publications that become FOR ALL SEQUENCES
 */
export async function pretendCatalogueOf19(
  server: TestServer,
  except: readonly string[],
  sequences: readonly string[],
): Promise<void> {
  const named = (names: readonly string[]): string =>
    `pubname IN (${names.map((name) => `'${name}'`).join(", ")})`;
  await server.sql(`
    SET allow_system_table_mods = on;
    ALTER TABLE pg_catalog.pg_publication ADD COLUMN puballsequences boolean;
    ALTER TABLE pg_catalog.pg_publication_rel ADD COLUMN prexcept boolean;
    RESET allow_system_table_mods;
    UPDATE pg_publication SET puballsequences = ${named(sequences)}, puballtables = puballtables OR ${named(except)};
    UPDATE pg_publication_rel SET prexcept = prpubid IN (SELECT oid FROM pg_publication WHERE ${named(except)})`);
}
