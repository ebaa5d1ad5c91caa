import type { ByteWriter } from "../bytes/byte-writer.ts";

/**
 * Writes the value whose text form is bytes[start, end) as the server's row_to_json does (json.c,
 * datum_to_json_internal).
 */
export type ValueEncoder = (
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
) => void;
