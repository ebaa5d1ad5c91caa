import type { DecodeError } from "../../errors.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { uint32At } from "../../postgres/messages/lost-bytes.ts";
import { isKnownTag } from "../../postgres/messages/decoder.ts";
import { quoteByte } from "../../postgres/messages/tuple.ts";
import { FrameTag, readPrimaryKeepalive, readXLogData } from "../../server/delivery/frame.ts";
import type { CaptureListener } from "./capture-reader.ts";
import type { FrameLayout } from "./frame-reader.ts";
import { isCut } from "./trial.ts";
import { FRAME_BYTES_MAX, LENGTH_BYTES, METADATA_TAG, WALCTL_MAGIC } from "./walctl-format.ts";

const XLOG_DATA_HEADER_BYTES = 25;
const KEEPALIVE_BYTES = 18;
const OPENING_BRACE = 0x7b;
/** Enough for hundreds of thousands of types. */
const METADATA_BYTES_MAX = 1 << 26;

/** "walctl\x00\x01"  { Int32 length  CopyData payload }×n: the payloads are as walctl received them. */
export class WalctlLayout implements FrameLayout {
  readonly headBytes = LENGTH_BYTES + XLOG_DATA_HEADER_BYTES + 1;
  readonly missingAtEnd: DecodeError | undefined = undefined;

  readPreamble(reader: ByteReader): void {
    reader.subject = "header";
    const start = reader.offset;
    const magic = reader.take(WALCTL_MAGIC.length);
    const wrong = magic.findIndex((byte, index) => byte !== WALCTL_MAGIC[index]);
    if (wrong === WALCTL_MAGIC.length - 1) {
      throw reader.invalid(
        `version ${magic[wrong]} of the walctl format is not known`,
        start + wrong,
      );
    }
    if (wrong !== -1) throw reader.invalid("not that of a walctl capture", start + wrong);
  }

  frameEnd(reader: ByteReader): number {
    const start = reader.offset;
    const length = reader.uint32();
    const tag = reader.bytes[reader.offset];
    const bytesMax =
      tag === FrameTag.primaryKeepalive
        ? KEEPALIVE_BYTES
        : tag === METADATA_TAG
          ? METADATA_BYTES_MAX
          : FRAME_BYTES_MAX;
    if (length === 0 || length > bytesMax) {
      throw reader.invalid(`a length of ${length} bytes`, start);
    }
    return reader.offset + length;
  }

  mayGoOn(bytes: Uint8Array, start: number): boolean {
    // walctl writes JSON on one line without control characters.
    if (bytes[start] === METADATA_TAG) return !bytes.subarray(start).some((byte) => byte < 0x20);
    return isCut(bytes, start + XLOG_DATA_HEADER_BYTES);
  }

  tagOf(bytes: Uint8Array, start: number): number | undefined {
    if (bytes[start + LENGTH_BYTES] !== FrameTag.xLogData) return undefined;
    return bytes[start + LENGTH_BYTES + XLOG_DATA_HEADER_BYTES];
  }

  readHead(reader: ByteReader, listener: CaptureListener): WalPosition | null {
    const { offset } = reader;
    const tag = reader.bytes[offset] ?? 0;
    switch (tag) {
      case FrameTag.xLogData:
        return readXLogData(reader);
      case FrameTag.primaryKeepalive:
        readPrimaryKeepalive(reader);
        if (reader.offset === reader.end) return null;
        throw reader.invalid(`${reader.end - reader.offset} bytes too many`, reader.offset);
      case METADATA_TAG:
        listener.metadata(readJson(reader));
        return null;
      default:
        throw reader.invalid(`no CopyData starts with the byte ${quoteByte(tag)}`, offset);
    }
  }

  /** The upper bytes of lengths and positions are 0 for the first 64 petabytes of WAL. */
  isFrame(bytes: Uint8Array, start: number): boolean {
    const length = uint32At(bytes, start);
    if (length === 0 || length > FRAME_BYTES_MAX) return false;
    const at = (offset: number): number | undefined => bytes[start + LENGTH_BYTES + offset];
    switch (at(0)) {
      case FrameTag.xLogData:
        return (
          length > XLOG_DATA_HEADER_BYTES &&
          at(1) === 0 &&
          at(9) === 0 &&
          at(17) === 0 &&
          isKnownTag(at(XLOG_DATA_HEADER_BYTES) ?? 0)
        );
      case FrameTag.primaryKeepalive:
        return length === KEEPALIVE_BYTES && at(1) === 0 && at(9) === 0 && (at(17) ?? 2) <= 1;
      case METADATA_TAG:
        return at(1) === OPENING_BRACE;
      default:
        return false;
    }
  }
}

/** Byte1('m')  Byten JSON */
function readJson(reader: ByteReader): unknown {
  reader.subject = "metadata";
  const { offset } = reader;
  reader.advance(1);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      reader.take(reader.end - reader.offset),
    );
    return JSON.parse(text);
  } catch {
    throw reader.invalid("not JSON", offset);
  }
}
