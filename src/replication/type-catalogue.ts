import type { CatalogueType } from "../pgoutput/type-registry.ts";
import { connectBeside } from "./connect.ts";
import { queryRows } from "./statement.ts";
import type { ConnectionTarget } from "./target.ts";

/**
 * What row_to_json goes by (json.c, json_categorize_type), for the types asked and all that they are made of.
 * A type with a cast to json by a function is printed by that: of these we know hstore's. An enum or citext is
 * text, in binary form too.
 */
const typesQuery = (oids: readonly number[]): string => `
  WITH RECURSIVE needed(oid) AS (
    SELECT unnest(ARRAY[${oids.join(", ")}]::oid[])
    UNION
    SELECT part.oid FROM needed
    JOIN pg_catalog.pg_type t ON t.oid = needed.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL
      SELECT a.atttypid FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) part(oid)
    WHERE part.oid >= ${FIRST_NORMAL_OID}
  )
  SELECT t.oid::int8::text AS oid, t.typname::text AS name, to_json(CASE
    WHEN t.typtype = 'd' THEN json_build_object('kind', 'domain', 'base', t.typbasetype::int8)
    WHEN t.typtype = 'c' THEN json_build_object('kind', 'composite', 'fields', coalesce((
      SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'))
    WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc AND t.typelem <> 0
      THEN json_build_object('kind', 'array', 'element', t.typelem::int8, 'delimiter', t.typdelim)
    WHEN EXISTS (SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
      WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::regtype
        AND p.proname = 'hstore_to_json')
      THEN json_build_object('kind', 'hstore')
    WHEN (SELECT p.prosrc FROM pg_catalog.pg_proc p WHERE p.oid = t.typsend) IN ('enum_send', 'textsend')
      THEN json_build_object('kind', 'scalar', 'name', 'text')
    END) AS shape
  FROM needed JOIN pg_catalog.pg_type t ON t.oid = needed.oid`;

/** FirstNormalObjectId: what is below comes with the server. */
const FIRST_NORMAL_OID = 16384;

/**
 * Asks the catalogue, on an ordinary connection of its own that is closed again: one that stayed open beside
 * the stream would hold up a smart shutdown for ever.
 */
export async function lookUpTypes(
  target: ConnectionTarget,
  oids: readonly number[],
): Promise<readonly CatalogueType[]> {
  const client = await connectBeside(target, "ordinary");
  try {
    const rows = await queryRows<{ oid: string; name: string; shape: CatalogueType["shape"] }>(
      client,
      typesQuery(oids),
      "look up types in the catalogue",
    );
    return rows.map((row) => ({ ...row, oid: Number(row.oid) }));
  } finally {
    await client.end().catch(() => {});
  }
}
