/** Building blocks for JSON Schemas. */

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };

/** An object with exactly these keys, of which some are optional. */
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

/** Requires these keys. A validator in strict mode wants the keys and the type repeated. */
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

/** Refers to a named part of the same schema. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/$defs/${name}` };
}
