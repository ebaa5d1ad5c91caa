/**
 * What somebody may put into a database to have a superuser's session run his code: functions, aggregates, operators,
 * types, casts and views beside all those of pg_catalog that walctl's sources name, and such that fit the arguments
 * better. Each tells the server's log when it is called.
 */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type pg from "pg";

export const TRAP = "walctl trap";

const SOURCES = fileURLToPath(new URL("../../../../src", import.meta.url));

/** What arguments of the calls and operands of the operators in the sources may be, and what might fit them. */
const TYPES = [
  "oid",
  "name",
  "text",
  "varchar",
  "int2",
  "int4",
  "int8",
  "float8",
  "numeric",
  "bool",
  '"char"',
  "xid",
  "pg_lsn",
  "timestamptz",
  "interval",
  "jsonb",
  "json",
  "inet",
  "regclass",
  "regproc",
  "regtype",
  "text[]",
  "name[]",
  "oid[]",
  "int2[]",
  "int2vector",
];

/** Of those that make sense in pairs. */
const PAIRED = TYPES.slice(0, 19);

const COMPARISONS = ["=", "<>", "<", ">", "<=", ">="];
const OPERATORS = [...COMPARISONS, "-", "+", "||", "->", "->>", "*", "/", "~", "~~"];

/** Names of types that are no words of SQL's grammar: these are looked up. */
const TYPE_NAMES = [
  "text",
  "oid",
  "name",
  "bool",
  "jsonb",
  "json",
  "int2",
  "int4",
  "int8",
  "float8",
  "regclass",
  "regproc",
  "regtype",
  "timestamptz",
  "xid",
  "pg_lsn",
];

/** Plants all of it in `schema`, as the role of `client`; returns how many objects there are. */
export async function plantHostileObjects(client: pg.Client, schema: string): Promise<number> {
  const words = wordsOfSources();
  // The planter's own statements are not to be caught.
  await client.query("SET search_path = pg_catalog; SET client_min_messages = warning");
  const result = await client.query<{ planted: number }>(`
    DROP TABLE IF EXISTS word, type, paired, planted;
    CREATE TEMP TABLE word AS SELECT unnest(${array(words)}) AS name;
    CREATE TEMP TABLE type AS SELECT unnest(${array(TYPES)}) AS name;
    CREATE TEMP TABLE paired AS SELECT unnest(${array(PAIRED)}) AS name;
    CREATE TEMP TABLE planted (n int);
    ${plant(schema, FUNCTIONS)}
    ${plant(schema, AGGREGATES)}
    ${plant(schema, ROW_FUNCTIONS)}
    ${plant(schema, OTHER_ARGUMENTS)}
    ${plant(schema, `SELECT format('${trap("%s", "bool", "RETURN true")}', 'trap_check', 'text', 'check') AS ddl`)}
    ${plant(schema, OPERATOR_FUNCTIONS)}
    ${plant(schema, OPERATORS_OF_ALL)}
    ${plant(schema, VIEWS)}
    ${plant(schema, DOMAINS)}
    ${plant(schema, CASTS)}
    SELECT sum(n)::int AS planted FROM planted`);
  const results = [result].flat();
  return results.at(-1)?.rows[0]?.planted ?? 0;
}

/** Whatever in the sources may be the name of a function, a relation or a type. */
function wordsOfSources(): readonly string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
  const words = files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => readFileSync(`${SOURCES}/${file}`, "utf8").match(/\b[a-z_][a-z0-9_]*\b/g));
  return [...new Set(words.filter((word) => word !== null))];
}

/** CREATE FUNCTION as format() takes it: name, arguments, and what it is called in the log. */
function trap(name: string, returns: string, body: string): string {
  return `CREATE FUNCTION @.${name}(%s) RETURNS ${returns} LANGUAGE plpgsql AS $body$ BEGIN RAISE LOG ''${TRAP}: %s''; ${body}; END $body$`;
}

/** Runs each statement that \`query\` gives; one that the server does not take is left out. @ stands for the schema. */
function plant(schema: string, query: string): string {
  const place = `"${schema}"`;
  return `DO $plant$ DECLARE each record; BEGIN
    FOR each IN ${query.replaceAll("@", place)} LOOP
      BEGIN EXECUTE each.ddl; INSERT INTO planted VALUES (1);
      EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP; END $plant$;`;
}

/** The signature of pg_catalog's own: called where the schema comes first in the path. */
const FUNCTIONS = `
  SELECT format('${trap("%I", "%s%s", "RETURN%s")}', p.proname,
    (SELECT string_agg(CASE a WHEN 2276 THEN 'anyelement' ELSE a::regtype::text END, ', ' ORDER BY n)
     FROM unnest(p.proargtypes) WITH ORDINALITY AS u (a, n)),
    CASE WHEN proretset THEN 'SETOF ' END, CASE prorettype WHEN 2249 THEN 'record' ELSE prorettype::regtype::text END,
    p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    CASE WHEN proretset OR prorettype = 2278 THEN '' ELSE ' NULL' END) AS ddl
  FROM pg_proc p JOIN word ON word.name = p.proname
  WHERE p.pronamespace = 11 AND p.prokind = 'f'`;

const AGGREGATES = `
  SELECT unnest(ARRAY[
    format('CREATE FUNCTION @.%I(%s) RETURNS %s LANGUAGE plpgsql AS $body$ BEGIN RAISE LOG ''${TRAP}: aggregate %s''; RETURN NULL; END $body$',
      'trap_agg_' || p.oid, concat_ws(', ', result, nullif(arguments, '')), result, p.proname),
    format('CREATE AGGREGATE @.%I(%s) (SFUNC = @.%I, STYPE = %s)', p.proname,
      coalesce(nullif(arguments, ''), '*'), 'trap_agg_' || p.oid, result)]) AS ddl
  FROM (SELECT p.oid, p.proname, replace(replace(p.prorettype::regtype::text, 'anynonarray', 'anyelement'), 'anyarray', 'text[]') AS result,
      (SELECT string_agg(replace(replace(a::regtype::text, '"any"', 'text'), 'anynonarray', 'text'), ', ' ORDER BY n)
       FROM unnest(p.proargtypes) WITH ORDINALITY AS u (a, n)) AS arguments
    FROM pg_proc p JOIN word ON word.name = p.proname
    WHERE p.pronamespace = 11 AND p.prokind = 'a') p`;

/** A row of the very relation fits better than anything, wherever the schema stands in the path. */
const ROW_FUNCTIONS = `
  SELECT format('${trap("%I", "%s", "RETURN NULL")}', p.proname, 'pg_catalog.' || quote_ident(c.relname),
    CASE WHEN p.prorettype::regtype::text LIKE 'any%' THEN 'text' ELSE p.prorettype::regtype::text END,
    p.proname || '(' || c.relname || ')') AS ddl
  FROM (SELECT DISTINCT ON (proname) proname, prorettype FROM pg_proc JOIN word ON word.name = proname
    WHERE pronamespace = 11 AND prokind = 'f' AND pronargs = 1 AND prorettype <> 2278) p,
    pg_class c JOIN word ON word.name = c.relname WHERE c.relnamespace = 11 AND c.relkind IN ('r', 'v')`;

/** Other types of arguments than pg_catalog has them for. */
const OTHER_ARGUMENTS = `
  SELECT format('${trap("%I", "%s", "RETURN NULL")}', p.proname, arguments,
    CASE WHEN p.prorettype::regtype::text LIKE 'any%' THEN 'text' ELSE p.prorettype::regtype::text END,
    p.proname || '(' || arguments || ')') AS ddl
  FROM (SELECT DISTINCT ON (proname, pronargs) proname, pronargs, prorettype FROM pg_proc JOIN word ON word.name = proname
    WHERE pronamespace = 11 AND pronargs IN (1, 2) AND prokind IN ('f', 'a') AND prorettype <> 2278 ORDER BY proname, pronargs) p
  JOIN (SELECT 1 AS arity, name AS arguments FROM type
    UNION ALL SELECT 2, a.name || ', ' || b.name FROM paired a, paired b) s ON s.arity = p.pronargs`;

const OPERATOR_FUNCTIONS = `
  SELECT format('${trap("%I", "%s", "RETURN NULL")}', 'trap_' || result, a.name || ', ' || b.name, result,
    'operator (' || a.name || ', ' || b.name || ')') AS ddl
  FROM type a, type b, unnest(ARRAY['bool', 'text']) AS result`;

const OPERATORS_OF_ALL = `
  SELECT format('CREATE OPERATOR @.%s (FUNCTION = @.%I, LEFTARG = %s, RIGHTARG = %s)', o,
    CASE WHEN o = ANY (${array(COMPARISONS)}) THEN 'trap_bool' ELSE 'trap_text' END, a.name, b.name) AS ddl
  FROM type a, type b, unnest(${array(OPERATORS)}) AS o`;

const VIEWS = `
  SELECT format('CREATE VIEW @.%1$I AS SELECT * FROM pg_catalog.%1$I WHERE @.trap_check(%1$L)', c.relname) AS ddl
  FROM pg_class c JOIN word ON word.name = c.relname WHERE c.relnamespace = 11 AND c.relkind IN ('r', 'v')`;

const DOMAINS = `
  SELECT format('CREATE DOMAIN @.%1$I AS pg_catalog.%1$I CHECK (@.trap_check(%1$L))', name) AS ddl
  FROM unnest(${array(TYPE_NAMES)}) AS name`;

/** Only for types of one's own. */
const CASTS = `
  SELECT unnest(ARRAY['CREATE TYPE @.own AS (a int, b pg_catalog.text)',
    $$CREATE FUNCTION @.own_cast(@.own) RETURNS pg_catalog.text LANGUAGE plpgsql AS $body$ BEGIN RAISE LOG '${TRAP}: cast to text'; RETURN NULL; END $body$ $$,
    $$CREATE FUNCTION @.own_json(@.own) RETURNS pg_catalog.json LANGUAGE plpgsql AS $body$ BEGIN RAISE LOG '${TRAP}: cast to json'; RETURN NULL; END $body$ $$,
    'CREATE CAST (@.own AS pg_catalog.text) WITH FUNCTION @.own_cast(@.own) AS IMPLICIT',
    'CREATE CAST (@.own AS pg_catalog.json) WITH FUNCTION @.own_json(@.own) AS IMPLICIT']) AS ddl`;

function array(values: readonly string[]): string {
  return `ARRAY[${values.map((value) => `'${value}'`).join(", ")}]`;
}
