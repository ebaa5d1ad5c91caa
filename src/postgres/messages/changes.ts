import type {
  Delete,
  Insert,
  LogicalMessage,
  PgoutputMessage,
  Relation,
  RowChange,
  Truncate,
  Update,
} from "./messages.ts";
import type { ByteReader } from "../bytes/reader.ts";
import type { Surroundings } from "./surroundings.ts";
import { TupleTag } from "./tags.ts";
import { quoteByte, readTuple, type TupleData } from "./tuple.ts";

const MESSAGE_IS_TRANSACTIONAL = 1;
const TRUNCATE_CASCADE = 1;
const TRUNCATE_RESTART_IDENTITY = 2;

export function isRowChange(message: PgoutputMessage): message is RowChange {
  const { kind } = message;
  return kind === "insert" || kind === "update" || kind === "delete";
}

/** Byte1('I')  [Int32 xid]  Int32 oid  Byte1('N')  TupleData */
export function readInsert(reader: ByteReader, at: Surroundings): Insert {
  const transaction = at.transactionOf(reader);
  const oid = reader.uint32();
  const tag = reader.uint8();
  if (tag !== TupleTag.new) throw unexpectedTuple(reader, tag);
  const tuple = readTuple(reader);
  return {
    kind: "insert",
    position: at.position,
    transaction,
    relation: relationOf(reader, at, oid, tuple),
    key: null,
    old: null,
    new: tuple,
  };
}

/** Byte1('U')  [Int32 xid]  Int32 oid  [Byte1('K') TupleData | Byte1('O') TupleData]  Byte1('N')  TupleData */
export function readUpdate(reader: ByteReader, at: Surroundings): Update {
  const transaction = at.transactionOf(reader);
  const oid = reader.uint32();
  let tag = reader.uint8();
  let key: TupleData | null = null;
  let old: TupleData | null = null;
  if (tag === TupleTag.key || tag === TupleTag.old) {
    const tuple = readTuple(reader);
    if (tag === TupleTag.key) key = tuple;
    else old = tuple;
    tag = reader.uint8();
  }
  if (tag !== TupleTag.new) throw unexpectedTuple(reader, tag);
  const tuple = readTuple(reader);
  const relation = relationOf(reader, at, oid, tuple);
  // A stand-in relation has as many columns as the new row. The key or the old row has to have as many.
  checkWidth(reader, key ?? old ?? tuple, relation);
  return {
    kind: "update",
    position: at.position,
    transaction,
    relation,
    key,
    old,
    new: tuple,
  };
}

/** Byte1('D')  [Int32 xid]  Int32 oid  Byte1('K') TupleData | Byte1('O') TupleData */
export function readDelete(reader: ByteReader, at: Surroundings): Delete {
  const transaction = at.transactionOf(reader);
  const oid = reader.uint32();
  const tag = reader.uint8();
  if (tag !== TupleTag.key && tag !== TupleTag.old) throw unexpectedTuple(reader, tag);
  const tuple = readTuple(reader);
  return {
    kind: "delete",
    position: at.position,
    transaction,
    relation: relationOf(reader, at, oid, tuple),
    key: tag === TupleTag.key ? tuple : null,
    old: tag === TupleTag.old ? tuple : null,
    new: null,
  };
}

/** Byte1('T')  [Int32 xid]  Int32 relations  Int8 options  { Int32 oid }×n */
export function readTruncate(reader: ByteReader, at: Surroundings): Truncate {
  const transaction = at.transactionOf(reader);
  const count = reader.uint32();
  const options = reader.uint8();
  const { view } = reader;
  const first = reader.advance(count * 4);
  const relations: Relation[] = [];
  for (let oidAt = first; oidAt < reader.offset; oidAt += 4) {
    relations.push(at.relation(view.getUint32(oidAt)));
  }
  return {
    kind: "truncate",
    position: at.position,
    transaction,
    relations,
    cascade: (options & TRUNCATE_CASCADE) !== 0,
    restartIdentity: (options & TRUNCATE_RESTART_IDENTITY) !== 0,
  };
}

/** Byte1('M')  [Int32 xid]  Int8 flags  Int64 LSN  String prefix  Int32 length  Byten content */
export function readMessage(reader: ByteReader, at: Surroundings): LogicalMessage {
  const transaction = at.transactionOf(reader);
  const transactional = (reader.uint8() & MESSAGE_IS_TRANSACTIONAL) !== 0;
  return {
    kind: "message",
    position: at.position,
    transaction: transactional ? transaction : null,
    transactional,
    messageLsn: reader.lsn(),
    prefix: reader.string(),
    content: reader.take(reader.uint32()),
  };
}

/** Returns the tuple's relation and checks that both have the same number of columns. */
function relationOf(reader: ByteReader, at: Surroundings, oid: number, tuple: TupleData): Relation {
  const relation = at.relation(oid, tuple.columnCount);
  checkWidth(reader, tuple, relation);
  return relation;
}

function checkWidth(reader: ByteReader, tuple: TupleData, { columns, announced }: Relation): void {
  if (columns.length === tuple.columnCount) return;
  const other = announced ? "its relation" : "the new row";
  const counts = `${tuple.columnCount} columns where ${other} has ${columns.length}`;
  throw reader.invalid(`a row of ${counts}`, tuple.start - 2);
}

function unexpectedTuple(reader: ByteReader, tag: number): Error {
  return reader.invalid(`no tuple starts with the byte ${quoteByte(tag)}`, reader.offset - 1);
}
