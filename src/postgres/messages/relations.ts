import type { Column, RelationMessage, ReplicaIdentity, TypeMessage } from "./messages.ts";
import { decodeName, isUtf8 } from "../bytes/names.ts";
import type { ByteReader } from "../bytes/reader.ts";
import type { Surroundings } from "./surroundings.ts";
import { COLUMNS_MAX, quoteByte, tooManyColumns } from "./tuple.ts";

const COLUMN_IS_KEY = 1;

const REPLICA_IDENTITIES = new Map<number, ReplicaIdentity>([
  [0x64, "default"], // d
  [0x6e, "nothing"], // n
  [0x66, "full"], // f
  [0x69, "index"], // i
]);

/**
 * Byte1('R')  [Int32 xid]  Int32 oid  String schema  String table  Int8 replica identity
 * Int16 columns  { Int8 flags  String name  Int32 type oid  Int32 type modifier }×n
 */
export function readRelation(reader: ByteReader, at: Surroundings): RelationMessage {
  const transaction = at.transactionOf(reader);
  const oid = reader.uint32();
  const names = [reader.stringBytes(), reader.stringBytes()] as const;
  const [schema, table] = [decodeName(names[0]), decodeName(names[1])];
  const identity = reader.uint8();
  const replicaIdentity = REPLICA_IDENTITIES.get(identity);
  if (replicaIdentity === undefined) {
    throw reader.invalid(`unknown replica identity ${quoteByte(identity)}`, reader.offset - 1);
  }
  const columnNames: Uint8Array[] = [];
  const columns = readColumns(reader, at, columnNames);
  const foreign = [...names, ...columnNames].find((name) => !isUtf8(name));
  const keyed = columns.some((column) => column.key);
  return {
    kind: "relation",
    position: at.position,
    transaction,
    relation: {
      oid,
      schema,
      table,
      replicaIdentity,
      columns,
      keyed,
      announced: true,
      ...(foreign === undefined ? {} : { foreignName: hexOf(foreign) }),
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param names gets the bytes of each */
function readColumns(reader: ByteReader, at: Surroundings, names: Uint8Array[]): readonly Column[] {
  const count = reader.uint16();
  if (count > COLUMNS_MAX) throw tooManyColumns(reader, count);
  const columns: Column[] = [];
  for (let column = 0; column < count; column++) {
    const key = (reader.uint8() & COLUMN_IS_KEY) !== 0;
    const name = reader.stringBytes();
    names.push(name);
    const typeOid = reader.uint32();
    columns.push(at.column(decodeName(name), key, typeOid, reader.int32()));
  }
  const distinct = new Set(columns.map(({ name }) => name)).size === count;
  // A copy has no room to grow: there may be many relations.
  return distinct ? columns.slice() : distinguish(reader, columns, names);
}

/**
 * Columns of the same name would share one key in a row. A server's table has none, but the escaped text of a name that
 * is not UTF-8 may equal another column's name. Such a column gets backslashes appended, which no escaped text ends
 * with.
 */
function distinguish(
  reader: ByteReader,
  columns: readonly Column[],
  names: readonly Uint8Array[],
): readonly Column[] {
  if (new Set(names.map((name) => name.join())).size < names.length) {
    throw reader.invalid("two columns have the same name", reader.offset - 1);
  }
  const exact = columns.filter((_, index) => isUtf8(names[index]!));
  const taken = new Set(exact.map(({ name }) => name));
  return columns.map((column, index) => {
    if (isUtf8(names[index]!)) return column;
    let { name } = column;
    while (taken.has(name)) name += "\\";
    taken.add(name);
    return { ...column, name };
  });
}

/** Byte1('Y')  [Int32 xid]  Int32 oid  String schema  String name */
export function readType(reader: ByteReader, at: Surroundings): TypeMessage {
  return {
    kind: "type",
    position: at.position,
    transaction: at.transactionOf(reader),
    oid: reader.uint32(),
    schema: reader.string(),
    name: reader.string(),
  };
}
