import type { Column, RelationMessage, ReplicaIdentity, TypeMessage } from "./messages.ts";
import type { ByteReader } from "./reader.ts";
import type { Surroundings } from "./surroundings.ts";
import { quoteByte } from "./tuple.ts";

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
  const schema = reader.string();
  const table = reader.string();
  const identity = reader.uint8();
  const replicaIdentity = REPLICA_IDENTITIES.get(identity);
  if (replicaIdentity === undefined) {
    throw reader.invalid(`unknown replica identity ${quoteByte(identity)}`, reader.offset - 1);
  }
  const columnCount = reader.uint16();
  const columns: Column[] = [];
  for (let column = 0; column < columnCount; column++) {
    columns.push({
      key: (reader.uint8() & COLUMN_IS_KEY) !== 0,
      name: reader.string(),
      typeOid: reader.uint32(),
      typeModifier: reader.int32(),
    });
  }
  const keyed = columns.some((column) => column.key);
  return {
    kind: "relation",
    position: at.position,
    transaction,
    relation: { oid, schema, table, replicaIdentity, columns, keyed, announced: true },
  };
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
