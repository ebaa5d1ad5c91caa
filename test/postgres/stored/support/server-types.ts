/** What values' forms depend on, asked of a server: the catalogue file's room is not needed to test the heap's. */
import { NONE } from "../../../../src/known.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HeapPage } from "../../../../src/postgres/tuples/heap-page.ts";
import { DeformedTuple } from "../../../../src/postgres/tuples/tuple.ts";
import { varlenaPayload } from "../../../../src/postgres/tuples/varlena.ts";
import type {
  StoredAttribute,
  StoredType,
  TypeSource,
} from "../../../../src/postgres/stored/type-source.ts";
import type { TestServer } from "../../../support/server/server.ts";

const ALIGN: Readonly<Record<string, number>> = { c: 1, s: 2, i: 4, d: 8 };

const REG_NAMES = [
  ["regproc", "pg_proc"],
  ["regprocedure", "pg_proc"],
  ["regoper", "pg_operator"],
  ["regoperator", "pg_operator"],
  ["regclass", "pg_class"],
  ["regtype", "pg_type"],
  ["regrole", "pg_authid"],
  ["regnamespace", "pg_namespace"],
  ["regconfig", "pg_ts_config"],
  ["regdictionary", "pg_ts_dict"],
  ["regcollation", "pg_collation"],
] as const;

export interface ServerTypes extends TypeSource {
  /** Those that were met. */
  readonly unknown: Set<number>;
}

/** As walctl's sessions have them: missing values are printed by these. */
const SETTINGS = `SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
  SET extra_float_digits = 3; SET bytea_output = 'hex'`;

/** What a TypeSource answers from; plain data. */
export async function answerOf(server: TestServer): Promise<Answer> {
  const [row] = await server.sql<{ answer: Answer }>(QUERY);
  if (row === undefined) throw new Error("no catalogue");
  return row.answer;
}

/** @param missing whether missing values come as text, as in a catalogue file, or as they are stored */
export async function typesOf(
  server: TestServer,
  missing: "text" | "stored" = "text",
): Promise<ServerTypes> {
  // It sets the search_path too, by which names are printed.
  const answer = await answerOf(server);
  const types = sourceOf(answer, await regNames(server), server.version);
  return missing === "text" ? types : await withStoredMissing(server, types);
}

const QUERY = `${SETTINGS}; SET search_path = pg_catalog, pg_temp;
    SELECT json_build_object(
      'types', (SELECT json_agg(json_build_object('oid', oid::int8, 'name', typname, 'length', typlen,
          'align', typalign, 'namespace', typnamespace::int8, 'kind', typtype, 'category', typcategory,
          'extension', (SELECT extname FROM pg_depend JOIN pg_extension e ON e.oid = refobjid
            WHERE classid = 'pg_type'::regclass AND objid = t.oid AND refclassid = 'pg_extension'::regclass),
          'isArray', typsubscript = 'array_subscript_handler'::regproc AND typelem <> 0, 'element', typelem::int8,
          'delimiter', typdelim, 'relation', typrelid::int8, 'base', typbasetype::int8)) FROM pg_type t),
      'attributes', (SELECT json_agg(json_build_object('relation', attrelid::int8, 'name', attname,
          'typeOid', atttypid::int8, 'length', attlen, 'align', attalign, 'dropped', attisdropped, 'missing',
          CASE WHEN atthasmissing THEN (attmissingval::text::text[])[1] END)
          ORDER BY attnum) FROM pg_attribute WHERE attnum > 0),
      'enums', (SELECT json_object_agg(oid, enumlabel) FROM pg_enum),
      'ranges', (SELECT json_object_agg(rngtypid, rngsubtype::int8) FROM pg_range),
      'multiranges', (SELECT json_object_agg(rngmultitypid, rngtypid::int8) FROM pg_range),
      'encoding', getdatabaseencoding(), 'lcMonetary', current_setting('lc_monetary')) AS answer`;

/** pg_attribute.oid */
const PG_ATTRIBUTE = 1249;

/** With attmissingval, pg_attribute's last column, as its pages have it. */
async function withStoredMissing(server: TestServer, types: ServerTypes): Promise<ServerTypes> {
  const rows = await server.sql<{ ctid: string; relation: string; number: number; file: string }>(
    `SELECT ctid::text, attrelid::int8 AS relation, attnum AS number, pg_relation_filepath(${PG_ATTRIBUTE}) AS file
     FROM pg_attribute WHERE atthasmissing`,
  );
  const layout = types.attributes(PG_ATTRIBUTE);
  const pages = readFileSync(join(server.host, "data", rows[0]?.file ?? ""));
  const [page, places] = [new HeapPage(), new DeformedTuple()];
  const stored = new Map<string, Uint8Array | undefined>();
  for (const { ctid, number, relation } of rows) {
    const [block, item] = ctid.slice(1, -1).split(",").map(Number);
    page.attach(pages, (block ?? 0) * 8192);
    const tuple = page.tuple(item ?? 0);
    if (tuple === undefined || !places.deform(tuple, layout)) throw new Error(`${ctid}: no row`);
    const [start, end] = [places.starts[layout.length - 1]!, places.ends[layout.length - 1]!];
    stored.set(`${relation} ${number}`, varlenaPayload(tuple.bytes, start, end));
  }
  return {
    ...types,
    attributes: (relation) =>
      types.attributes(relation).map((attribute, index) => ({
        ...attribute,
        missing: stored.get(`${relation} ${index + 1}`) ?? NONE,
      })),
  };
}

export interface Answer {
  readonly types: readonly (Omit<StoredType, "align"> & { align: string })[];
  readonly attributes: readonly {
    relation: number;
    name: string;
    typeOid: number;
    length: number;
    align: string;
    dropped: boolean;
    missing: string | null;
  }[];
  readonly enums: Readonly<Record<string, string>> | null;
  readonly ranges: Readonly<Record<string, number>>;
  readonly multiranges: Readonly<Record<string, number>>;
  readonly encoding: string;
  readonly lcMonetary: string;
}

export async function regNames(server: TestServer): Promise<ReadonlyMap<string, string>> {
  const selects = REG_NAMES.map(
    ([type, table]) => `SELECT '${type} ' || oid AS key, oid::${type}::text AS name FROM ${table}`,
  );
  const rows = await server.sql<{ key: string; name: string }>(selects.join(" UNION ALL "));
  return new Map(rows.map(({ key, name }) => [key, name]));
}

export function sourceOf(
  answer: Answer,
  names: ReadonlyMap<string, string>,
  majorVersion: number,
): ServerTypes {
  const types = new Map(
    answer.types.map((type) => [type.oid, { ...type, align: ALIGN[type.align] ?? 0 }]),
  );
  const attributes = new Map<number, StoredAttribute[]>();
  for (const { relation, align, missing, ...rest } of answer.attributes) {
    const attribute: StoredAttribute = {
      ...rest,
      align: ALIGN[align] ?? 0,
      missing: missing ?? NONE,
    };
    attributes.set(relation, [...(attributes.get(relation) ?? []), attribute]);
  }
  const unknown = new Set<number>();
  return {
    unknown,
    type: (oid) => types.get(oid),
    attributes: (relation) => attributes.get(relation) ?? [],
    enumLabel: (oid) => answer.enums?.[oid],
    rangeSubtype: (oid) => answer.ranges[oid],
    rangeOfMultirange: (oid) => answer.multiranges[oid],
    // The catalogue is complete: what it does not have, the server shows as its number.
    regName: (type, oid) => names.get(`${type} ${oid}`) ?? String(oid),
    unknownType: (oid) => void unknown.add(oid),
    encoding: answer.encoding,
    lcMonetary: answer.lcMonetary,
    majorVersion,
  };
}
