import type { ByteWriter } from "../bytes/byte-writer.ts";

/**
 * Writes the value whose text form is bytes[start, end) as row_to_json of the server would
 * (json.c, datum_to_json_internal).
 */
export type ValueEncoder = (
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
) => void;
