/**
 * Messages that follow one another without frames. A message shows its own length, with two exceptions: a Stream Abort
 * does not, and a truncated capture does not show whether a stream block is open.
 */
import { DecodeError } from "../../errors.ts";
import { isKnownTag, type PgoutputDecoder } from "../../postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import { Tag } from "../../postgres/messages/tags.ts";
import { quoteByte } from "../../postgres/messages/tuple.ts";

/** The byte after each message: pg_recvlogical writes a line feed. */
export type Separator = "line feed" | "none";

export const LINE_FEED = 0x0a;
const SHORT_ABORT_BYTES = 9;
const LONG_ABORT_BYTES = 25;

/** MaxAllocSize: the server sends no longer message. */
const ROW_BYTES_MAX = 0x3fffffff;
/** A generous limit for messages that contain only names. */
const OTHER_BYTES_MAX = 1 << 20;

/** Tags of messages that carry an xid of their own inside a stream block. */
const XID_TAGS: ReadonlySet<number> = new Set([
  Tag.relation,
  Tag.type,
  Tag.insert,
  Tag.update,
  Tag.delete,
  Tag.truncate,
  Tag.message,
]);

/** Whether a message that starts with this byte has a different layout inside a stream block. */
export function carriesXid(tag: number | undefined): boolean {
  return tag !== undefined && XID_TAGS.has(tag);
}

/** Whether a message that starts with this byte can occur inside a stream block (`streaming`) or outside of one. */
export function fitsStreaming(tag: number | undefined, streaming: boolean): boolean {
  if (carriesXid(tag) || tag === Tag.origin) return true;
  return streaming === (tag === Tag.streamStop);
}

/** Decodes the message at `reader.offset` and skips it with its separator. `final`: no more bytes follow. */
export function decodeMessage(
  decoder: PgoutputDecoder,
  reader: ByteReader,
  separator: Separator,
  final: boolean,
): PgoutputMessage {
  const { bytes, offset } = reader;
  const separated = separator === "line feed";
  // A message is whole only once its separator has arrived, so nothing is decoded twice.
  reader.end = separated && !final ? bytes.length - 1 : bytes.length;
  if (bytes[offset] === Tag.streamAbort) reader.end = endOfStreamAbort(reader, separated, final);
  return decoder.decodeNext(reader, NO_POSITION, separated ? stepOverLineFeed : undefined);
}

/** Runs before the message takes effect: if anything but a line feed follows it, it is damaged. */
function stepOverLineFeed(reader: ByteReader): void {
  const { bytes, offset } = reader;
  if (offset === bytes.length) return;
  const byte = bytes[offset] ?? 0;
  if (byte !== LINE_FEED) {
    throw reader.invalid(`followed by ${quoteByte(byte)}, not by a line feed`, offset);
  }
  reader.offset++;
}

/**
 * The abort's LSN and time are present only with streaming = parallel, and the message does not say so. The byte after
 * the short form does: as the first byte of an LSN it would be 0, for the first 64 petabytes of WAL.
 */
function endOfStreamAbort(reader: ByteReader, separated: boolean, final: boolean): number {
  const { bytes, offset, end } = reader;
  reader.subject = "Stream Abort";
  const shortEnd = offset + SHORT_ABORT_BYTES;
  const next = bytes[shortEnd];
  if (next === undefined) {
    if (final) return end;
    throw reader.truncated(shortEnd + 1 - bytes.length);
  }
  if (separated ? next === LINE_FEED : isKnownTag(next)) return shortEnd;
  const longEnd = offset + LONG_ABORT_BYTES;
  if (longEnd > end) throw reader.truncated(longEnd - end);
  return longEnd;
}

/** Whether the message at `start` may just be cut by the end of the bytes: a damaged length asks for too many. */
export function mayBeCut(error: DecodeError, bytes: Uint8Array, start: number): boolean {
  if (error.missing === 0) return false;
  const tag = bytes[start] ?? 0;
  const growing =
    tag === Tag.insert || tag === Tag.update || tag === Tag.delete || tag === Tag.message;
  const length = error.offset - start + error.missing;
  return length <= (growing ? ROW_BYTES_MAX : OTHER_BYTES_MAX);
}

/** The fault of a message that asks for more bytes than a message can have. */
export function tooLong(subject: string, start: number): DecodeError {
  return new DecodeError(`${subject}: longer than a message can be`, start);
}
