import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { writeBase64 } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { SAME_BYTES, binaryToText } from "./binary-to-text.ts";

/**
 * Writes the value whose binary form is bytes[start, end) as `encodeText` writes its text form;
 * as `{"binary_base64":…}`, or `{"disk_base64":…}` of stored bytes, where the text form cannot be told.
 */
export function binaryEncoder(
  typeOid: number,
  types: TypeRegistry,
  encodeText: ValueEncoder,
): ValueEncoder {
  const key = types.binaryForm === "stored" ? "disk_base64" : "binary_base64";
  const toText = binaryToText(typeOid, types);
  if (toText === SAME_BYTES) return encodeText;
  return (out, bytes, _view, start, end) => {
    const binary = bytes.subarray(start, end);
    const text = toText(binary);
    if (text === undefined) return writeBase64(out, key, binary);
    const view = new DataView(text.buffer, text.byteOffset, text.length);
    encodeText(out, text, view, 0, text.length);
  };
}
