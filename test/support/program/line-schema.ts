/** The published JSON Schema, as a test of lines. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { JsonSchema } from "../../../src/render/json-schema.ts";
import { ndjsonSchema } from "../../../src/render/ndjson/schema.ts";

export class LineSchema {
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #orders = new Map<string, readonly string[]>();

  constructor() {
    const schema = ndjsonSchema();
    const ajv = new Ajv2020({ strict: true });
    ajv.addSchema(schema, "line");
    const parts = schema["$defs"] as Readonly<Record<string, JsonSchema>>;
    for (const { $ref } of schema["oneOf"] as ReadonlyArray<{ $ref: string }>) {
      const kind = $ref.replace("#/$defs/", "");
      // By its kind, since a failed oneOf tells twenty reasons.
      this.#validators.set(kind, ajv.compile({ $ref: `line${$ref}` }));
      this.#orders.set(kind, Object.keys(parts[kind]?.["properties"] ?? {}));
    }
  }

  /** Every line of the NDJSON fits. */
  assertAll(ndjson: string, place: string): void {
    for (const line of ndjson.split("\n")) if (line !== "") this.#assert(line, place);
  }

  #assert(line: string, place: string): void {
    const value: unknown = JSON.parse(line);
    const { kind } = value as { kind: string };
    const validate = this.#validators.get(kind);
    const fits = validate?.(value) === true;
    if (fits && this.#inOrder(kind, Object.keys(value as object))) return;
    const reason = JSON.stringify(validate?.errors ?? "the order of its keys");
    throw new Error(`${place}: does not fit the schema: ${reason}: ${line.slice(0, 300)}`);
  }

  #inOrder(kind: string, keys: readonly string[]): boolean {
    const expected = (this.#orders.get(kind) ?? []).filter((key) => keys.includes(key));
    return expected.join() === keys.join();
  }
}
