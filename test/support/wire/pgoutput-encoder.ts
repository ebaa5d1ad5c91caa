/** pgoutput as the server writes it (manual: Logical Replication Message Formats): the other direction, for tests alone. */

export type WireValue =
  | { readonly kind: "null" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "text" | "binary"; readonly bytes: Uint8Array };
export type WireTuple = readonly WireValue[];

interface InBlock {
  /** The message's own xid; null outside of a stream block, where none is sent. */
  readonly xid: number | null;
}
interface Prepared {
  readonly prepareLsn: bigint;
  readonly endLsn: bigint;
  readonly prepareTime: bigint;
  readonly xid: number;
  readonly gid: string;
}
interface Committed {
  readonly commitLsn: bigint;
  readonly endLsn: bigint;
  readonly commitTime: bigint;
}
export interface WireColumn {
  readonly name: string;
  readonly key: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

export type WireMessage =
  | { kind: "begin"; finalLsn: bigint; commitTime: bigint; xid: number }
  | ({ kind: "commit" } & Committed)
  | { kind: "origin"; originLsn: bigint; name: string }
  | ({
      kind: "relation";
      oid: number;
      schema: string;
      table: string;
      replicaIdentity: "default" | "nothing" | "full" | "index";
      columns: readonly WireColumn[];
    } & InBlock)
  | ({ kind: "type"; oid: number; schema: string; name: string } & InBlock)
  | ({ kind: "insert"; oid: number; new: WireTuple } & InBlock)
  | ({
      kind: "update";
      oid: number;
      key: WireTuple | null;
      old: WireTuple | null;
      new: WireTuple;
    } & InBlock)
  | ({ kind: "delete"; oid: number; key: WireTuple | null; old: WireTuple | null } & InBlock)
  | ({
      kind: "truncate";
      oids: readonly number[];
      cascade: boolean;
      restartIdentity: boolean;
    } & InBlock)
  | ({
      kind: "message";
      transactional: boolean;
      messageLsn: bigint;
      prefix: string;
      content: Uint8Array;
    } & InBlock)
  | { kind: "stream_start"; xid: number; firstSegment: boolean }
  | { kind: "stream_stop" }
  | ({ kind: "stream_commit"; xid: number } & Committed)
  | {
      kind: "stream_abort";
      xid: number;
      subxid: number;
      abortLsn: bigint | null;
      abortTime: bigint | null;
    }
  | ({ kind: "begin_prepare" | "prepare" | "stream_prepare" } & Prepared)
  | ({ kind: "commit_prepared"; xid: number; gid: string } & Committed)
  | {
      kind: "rollback_prepared";
      prepareEndLsn: bigint;
      rollbackEndLsn: bigint;
      prepareTime: bigint;
      rollbackTime: bigint;
      xid: number;
      gid: string;
    };

export function encodeMessage(message: WireMessage): Uint8Array {
  return Buffer.concat(piecesOf(message));
}

function piecesOf(m: WireMessage): readonly Uint8Array[] {
  switch (m.kind) {
    case "begin":
      return [tag("B"), int64(m.finalLsn), int64(m.commitTime), int32(m.xid)];
    case "commit":
      return [tag("C"), int8(0), ...committed(m)];
    case "origin":
      return [tag("O"), int64(m.originLsn), string(m.name)];
    case "relation":
      return [
        tag("R"),
        xid(m),
        int32(m.oid),
        string(m.schema),
        string(m.table),
        tag({ default: "d", nothing: "n", full: "f", index: "i" }[m.replicaIdentity]),
        int16(m.columns.length),
        ...m.columns.flatMap((column) => [
          int8(column.key ? 1 : 0),
          string(column.name),
          int32(column.typeOid),
          int32(column.typeModifier),
        ]),
      ];
    case "type":
      return [tag("Y"), xid(m), int32(m.oid), string(m.schema), string(m.name)];
    case "insert":
      return [tag("I"), xid(m), int32(m.oid), ...tuple("N", m.new)];
    case "update":
      return [
        tag("U"),
        xid(m),
        int32(m.oid),
        ...tuple("K", m.key),
        ...tuple("O", m.old),
        ...tuple("N", m.new),
      ];
    case "delete":
      return [tag("D"), xid(m), int32(m.oid), ...tuple("K", m.key), ...tuple("O", m.old)];
    case "truncate": {
      const options = (m.cascade ? 1 : 0) + (m.restartIdentity ? 2 : 0);
      return [tag("T"), xid(m), int32(m.oids.length), int8(options), ...m.oids.map(int32)];
    }
    case "message":
      return [
        tag("M"),
        xid(m),
        int8(m.transactional ? 1 : 0),
        int64(m.messageLsn),
        string(m.prefix),
        int32(m.content.length),
        m.content,
      ];
    case "stream_start":
      return [tag("S"), int32(m.xid), int8(m.firstSegment ? 1 : 0)];
    case "stream_stop":
      return [tag("E")];
    case "stream_commit":
      return [tag("c"), int32(m.xid), int8(0), ...committed(m)];
    case "stream_abort":
      return [
        tag("A"),
        int32(m.xid),
        int32(m.subxid),
        ...(m.abortLsn === null ? [] : [int64(m.abortLsn), int64(m.abortTime ?? 0n)]),
      ];
    case "begin_prepare":
      return [tag("b"), ...prepared(m)];
    case "prepare":
      return [tag("P"), int8(0), ...prepared(m)];
    case "stream_prepare":
      return [tag("p"), int8(0), ...prepared(m)];
    case "commit_prepared":
      return [tag("K"), int8(0), ...committed(m), int32(m.xid), string(m.gid)];
    case "rollback_prepared":
      return [
        tag("r"),
        int8(0),
        int64(m.prepareEndLsn),
        int64(m.rollbackEndLsn),
        int64(m.prepareTime),
        int64(m.rollbackTime),
        int32(m.xid),
        string(m.gid),
      ];
  }
}

function committed(m: Committed): Uint8Array[] {
  return [int64(m.commitLsn), int64(m.endLsn), int64(m.commitTime)];
}

function prepared(m: Prepared): Uint8Array[] {
  return [int64(m.prepareLsn), int64(m.endLsn), int64(m.prepareTime), int32(m.xid), string(m.gid)];
}

function xid(message: InBlock): Uint8Array {
  return message.xid === null ? new Uint8Array() : int32(message.xid);
}

function tuple(name: "K" | "O" | "N", values: WireTuple | null): Uint8Array[] {
  if (values === null) return [];
  const letters = { null: "n", unchanged: "u", text: "t", binary: "b" };
  const columns = values.flatMap((value) => [
    tag(letters[value.kind]),
    ...("bytes" in value ? [int32(value.bytes.length), value.bytes] : []),
  ]);
  return [tag(name), int16(values.length), ...columns];
}

function tag(letter: string): Uint8Array {
  return Buffer.from(letter, "latin1");
}

function string(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

function int8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

function int16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function int64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}
