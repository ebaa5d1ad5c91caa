import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { ByteWriter } from "../../../src/render/bytes/byte-writer.ts";
import { type ValueOptions, encoderFor } from "../../../src/render/values/values.ts";

export const types = new TypeRegistry();
const JSON_VALUES: ValueOptions = { values: "json", safeNumbers: false };

export function encode(typeOid: number, value: string | Buffer, options = JSON_VALUES): string {
  const out = new ByteWriter(1);
  // Somewhere inside of a chunk, as in life.
  const text = Buffer.from(value);
  const chunk = Buffer.concat([Buffer.from("x,"), text, Buffer.from('"y')]);
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  encoderFor(typeOid, types, options)(out, chunk, view, 2, 2 + text.length);
  return Buffer.from(out.take()).toString("utf8");
}
