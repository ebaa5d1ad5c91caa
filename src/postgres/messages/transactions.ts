import type { Begin, Commit, Origin } from "./messages.ts";
import type { ByteReader } from "../bytes/reader.ts";
import type { Surroundings } from "./surroundings.ts";
import { quoteByte } from "./tuple.ts";

/** Byte1('B')  Int64 final LSN  Int64 commit time  Int32 xid */
export function readBegin(reader: ByteReader, at: Surroundings): Begin {
  const finalLsn = reader.lsn();
  const commitTime = reader.time();
  const transaction = { xid: reader.uint32(), commitTime };
  return {
    kind: "begin",
    position: at.position,
    transaction,
    finalLsn,
    commitTime,
  };
}

/** Byte1('C')  Int8 flags, 0  Int64 commit LSN  Int64 end LSN  Int64 commit time */
export function readCommit(reader: ByteReader, at: Surroundings): Commit {
  readUnusedFlags(reader);
  return {
    kind: "commit",
    position: at.position,
    transaction: at.transaction,
    commitLsn: reader.lsn(),
    endLsn: reader.lsn(),
    commitTime: reader.time(),
  };
}

/** Byte1('O')  Int64 LSN on the origin server  String name */
export function readOrigin(reader: ByteReader, at: Surroundings): Origin {
  return {
    kind: "origin",
    position: at.position,
    transaction: at.transaction,
    originLsn: reader.lsn(),
    name: reader.string(),
  };
}

/** Flags that the protocol defines and no server sets yet. PostgreSQL's own subscriber refuses other values too. */
export function readUnusedFlags(reader: ByteReader): void {
  const flags = reader.uint8();
  if (flags !== 0) throw reader.invalid(`flags ${quoteByte(flags)}, not 0`, reader.offset - 1);
}
