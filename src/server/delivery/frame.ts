import type { Lsn } from "../../lsn.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import type { PgTime } from "../../pg-time.ts";

/** The first byte of a CopyData payload (manual: Streaming Replication Protocol). */
export const FrameTag = {
  xLogData: 0x77, // w
  primaryKeepalive: 0x6b, // k
} as const;

/** The header before the WAL data. */
const XLOG_DATA_BYTES = 25;

export interface PrimaryKeepalive {
  /** The end of the last record that the server has fully processed. */
  readonly walEnd: Lsn;
  /** The server wants a reply at once; otherwise it will soon end the connection. */
  readonly replyRequested: boolean;
}

/** What the client has received, made durable and applied; 0/0 in flush confirms nothing. */
export interface StandbyStatus {
  readonly write: Lsn;
  readonly flush: Lsn;
  readonly apply: Lsn;
  readonly replyRequested: boolean;
}

/**
 * Byte1('w')  Int64 start  Int64 end of WAL  Int64 send time  Byten WAL data
 *
 * Leaves the reader at the WAL data and returns the start.
 */
export function readXLogData(reader: ByteReader): WalPosition {
  reader.subject = "XLogData";
  const { view } = reader;
  const at = reader.advance(XLOG_DATA_BYTES);
  return { high: view.getUint32(at + 1), low: view.getUint32(at + 5) };
}

/** Byte1('k')  Int64 end of WAL  Int64 send time  Byte1 1: reply at once */
export function readPrimaryKeepalive(reader: ByteReader): PrimaryKeepalive {
  reader.subject = "PrimaryKeepalive";
  reader.advance(1);
  const walEnd = reader.lsn();
  reader.advance(8);
  return { walEnd, replyRequested: reader.uint8() !== 0 };
}

/** Byte1('r')  Int64 write  Int64 flush  Int64 apply  Int64 client time  Byte1 1: reply at once */
export function encodeStandbyStatusUpdate(status: StandbyStatus, clientTime: PgTime): Uint8Array {
  const bytes = new Uint8Array(34);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x72; // r
  view.setBigUint64(1, status.write);
  view.setBigUint64(9, status.flush);
  view.setBigUint64(17, status.apply);
  view.setBigInt64(25, clientTime);
  bytes[33] = status.replyRequested ? 1 : 0;
  return bytes;
}
