/** The rows of a table as its file's pages hold them, decoded and printed by walctl's own parts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HeapPage } from "../../../../src/postgres/tuples/heap-page.ts";
import { AttributeState, DeformedTuple } from "../../../../src/postgres/tuples/tuple.ts";
import {
  externalPayload,
  externalValue,
  varlenaForm,
  varlenaPayload,
} from "../../../../src/postgres/tuples/varlena.ts";
import { columnWriter, missingWriter } from "../../../../src/postgres/stored/column-writer.ts";
import { TupleWriter } from "../../../../src/postgres/stored/tuple-writer.ts";
import { catalogueTypes } from "../../../../src/postgres/stored/type-shapes.ts";
import type { TypeSource } from "../../../../src/postgres/stored/type-source.ts";
import type { Relation } from "../../../../src/postgres/messages/messages.ts";
import { TypeRegistry } from "../../../../src/postgres/messages/type-registry.ts";
import { ByteWriter } from "../../../../src/render/bytes/byte-writer.ts";
import { planRelation } from "../../../../src/render/values/relation-plan.ts";
import { writeRow } from "../../../../src/render/values/rows.ts";
import type { ValueOptions } from "../../../../src/render/values/values.ts";
import { PAGE_BYTES } from "../../../../src/postgres/pages/page.ts";
import type { TestServer } from "../../../support/server/server.ts";

interface Table {
  readonly oid: number;
  readonly toast: number;
  readonly file: string;
  readonly items: readonly [block: number, item: number][];
}

/** Given each stored value, of a varlena its payload, and what was written of it. */
export type Seen = (typeOid: number, payload: Uint8Array, written: Uint8Array) => void;

/** The live rows in the order of their places, printed in each of these ways. */
export async function rowsOnPages(
  server: TestServer,
  table: string,
  types: TypeSource,
  ways: readonly ValueOptions[],
  seen: Seen = () => {},
): Promise<readonly string[][]> {
  const { file, items, oid, toast } = await tableOf(server, table);
  const chunks = toast === 0 ? new Map<number, Buffer>() : await chunksOf(server, toast);
  const attributes = types.attributes(oid);
  const live = attributes.filter(({ dropped }) => !dropped);
  const registry = new TypeRegistry("stored");
  const oids = live.map(({ typeOid }) => typeOid);
  registry.catalogue(oids, catalogueTypes(oids, types));
  const relation: Relation = {
    oid,
    schema: "",
    table,
    replicaIdentity: "full",
    keyed: false,
    announced: true,
    columns: live.map(({ name, typeOid }) => ({ name, typeOid, typeModifier: -1, key: false })),
  };
  const plans = ways.map((way) => planRelation(relation, registry, way));
  const writers = attributes.map(({ typeOid }) => columnWriter(typeOid, types));
  const pages = readFileSync(join(server.host, "data", file));
  const page = new HeapPage();
  const places = new DeformedTuple();
  const tuple = new TupleWriter();
  return items.map(([block, item]) => {
    const at = `${table} (${block},${item})`;
    if (!page.attach(pages, block * PAGE_BYTES)) throw new Error(`${at}: no page`);
    const stored = page.tuple(item);
    if (stored === undefined || !places.deform(stored, attributes))
      throw new Error(`${at}: no tuple`);
    tuple.begin();
    for (const [index, { dropped, missing, name, typeOid }] of attributes.entries()) {
      if (dropped) continue;
      const state = places.state[index];
      let known = true;
      if (state === AttributeState.null) tuple.null();
      else if (state === AttributeState.absent)
        known = missingWriter(missing, typeOid, types)(tuple);
      else {
        const [start, end] = [places.starts[index]!, places.ends[index]!];
        const payload =
          attributes[index]!.length === -1
            ? payloadOf(stored.bytes, start, end, chunks)
            : stored.bytes.subarray(start, end);
        const before = tuple.offset;
        known = payload !== undefined && writers[index]!(payload, 0, payload.length, tuple);
        if (known && payload !== undefined) {
          seen(typeOid, payload, tuple.bytes.subarray(before, tuple.offset));
        }
      }
      if (!known) throw new Error(`${at}: ${name} is not known`);
    }
    return plans.map((plan) => {
      const out = new ByteWriter();
      writeRow(out, tuple.tuple(), plan, false);
      return out.take().toString();
    });
  });
}

function payloadOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  chunks: ReadonlyMap<number, Buffer>,
): Uint8Array | undefined {
  if (varlenaForm(bytes, start) !== "external") return varlenaPayload(bytes, start, end);
  const value = externalValue(bytes, start);
  const joined = chunks.get(value.valueId);
  return joined && externalPayload(value, joined);
}

async function tableOf(server: TestServer, table: string): Promise<Table> {
  const [row] = await server.sql<{ oid: string; toast: string; file: string; items: string[] }>(`
    SELECT oid::int8 AS oid, reltoastrelid::int8 AS toast, pg_relation_filepath(oid) AS file,
      ARRAY(SELECT ctid::text AS place FROM ${table} ORDER BY ctid) AS items
    FROM pg_class WHERE oid = '${table.replaceAll("'", "''")}'::regclass`);
  if (row === undefined) throw new Error(`no table ${table}`);
  const items = row.items.map((ctid) => {
    const [block, item] = ctid.slice(1, -1).split(",");
    return [Number(block), Number(item)] as [number, number];
  });
  return { oid: Number(row.oid), toast: Number(row.toast), file: row.file, items };
}

async function chunksOf(server: TestServer, toast: number): Promise<Map<number, Buffer>> {
  const rows = await server.sql<{ id: string; data: Buffer }>(`
    SELECT chunk_id::int8 AS id, string_agg(chunk_data, '' ORDER BY chunk_seq) AS data
    FROM ${(await server.sql<{ name: string }>(`SELECT ${toast}::regclass::text AS name`))[0]?.name} GROUP BY 1`);
  return new Map(rows.map(({ id, data }) => [Number(id), data]));
}
