/** No package has PostgreSQL 19: an older server that answers as that one does, where walctl asks. */
import type { TestServer } from "./server.ts";

const SETTINGS = `SET allow_system_table_mods = on;
  ALTER FUNCTION pg_catalog.current_setting(text, boolean) RENAME TO own_setting;
  ALTER FUNCTION pg_catalog.current_setting(text) RENAME TO own_setting;
  CREATE FUNCTION pg_catalog.current_setting(text, boolean) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(pg_catalog.own_setting('as19.' || $1, true), ''), pg_catalog.own_setting($1, $2)) $$;
  CREATE FUNCTION pg_catalog.current_setting(text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(pg_catalog.own_setting('as19.' || $1, true), ''), pg_catalog.own_setting($1)) $$;
  RESET allow_system_table_mods`;

/** PGOPTIONS then says what current_setting() answers: `as19.server_version_num=190000`. */
export async function answerAs19(server: TestServer): Promise<void> {
  await server.sql(SETTINGS);
}

export function answering(
  answers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const options = Object.entries(answers).map(([name, value]) => `-c as19.${name}=${value}`);
  return { PGOPTIONS: options.join(" ") };
}

/**
 * A view of the catalogue with other columns.
 * @param changes expressions, which may use the view's own columns; those that it does not have are added
 */
export async function changeView(
  server: TestServer,
  view: string,
  changes: Readonly<Record<string, string>>,
): Promise<void> {
  const columns = await server.sql<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute WHERE attrelid = '${view}'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  const [{ definition } = { definition: "" }] = await server.sql<{ definition: string }>(
    `SELECT rtrim(pg_get_viewdef('${view}'::regclass), ';') AS definition`,
  );
  const names = columns.map(({ name }) => name);
  const added = Object.keys(changes).filter((name) => !names.includes(name));
  const list = [...names, ...added].map((name) => `${changes[name] ?? name} AS ${name}`);
  await server.sql(`SET allow_system_table_mods = on;
    CREATE OR REPLACE VIEW pg_catalog.${view} AS SELECT ${list.join(", ")} FROM (${definition}) AS v;
    RESET allow_system_table_mods`);
}
