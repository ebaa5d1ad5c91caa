/** Parts of which JSON Schemas are made. */

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };

/** An object of exactly these keys; some may be missing. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
    additionalProperties: false,
  };
}

/** What a validator in its strict mode wants for "these keys are there": the keys and the type once more. */
export function having(...keys: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(keys.map((key) => [key, true]));
  return { type: "object", properties, required: keys };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function nullable(schema: JsonSchema): JsonSchema {
  return { oneOf: [schema, { type: "null" }] };
}

/** A part of the same schema, by its name. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/$defs/${name}` };
}
