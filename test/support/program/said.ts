/** What a printed value says, against the bytes that were sent: nothing that these do not. Written without the encoders' help. */
import assert from "node:assert/strict";
import type { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { type Exact, canonical } from "../../matrix/support/exact-json.ts";

interface Said {
  readonly types: TypeRegistry;
  readonly safeNumbers: boolean;
}

/** @throws AssertionError where `printed`, of the type, is not what `bytes` say */
export function assertSaid(printed: Exact, oid: number, bytes: Buffer, said: Said): void {
  const text = bytes.toString("utf8");
  const exact = Buffer.compare(Buffer.from(text), bytes) === 0;
  if (!exact && base64Of(printed) === bytes.toString("base64")) return;
  const string = stringOf(printed);
  if (exact && string === text) return;
  const shape = said.types.shapeOf(oid);
  switch (shape?.kind) {
    case "domain":
      return assertSaid(printed, shape.base, bytes, said);
    case "array":
      return assertItems(
        printed,
        arrayItems(bytes, shape.delimiter),
        shape.element,
        said,
        /^(?:(?:\[[^\]]*\])+=)?(\{*)/.exec(bytes.toString("latin1"))?.[1]?.length,
      );
    case "vector":
      return assertItems(printed, vectorItems(bytes), shape.element, said);
    case "hstore":
      return assertPairs(printed, bytes);
    case "composite": {
      assert.equal(printed.kind, "object");
      if (printed.kind !== "object" || shape.fields === null) return;
      const fields = rowFields(bytes);
      assert.deepEqual(
        printed.members.map(([key]) => key),
        shape.fields.map(({ name }) => name),
      );
      assert.equal(fields.length, shape.fields.length);
      for (const [index, [, value]] of printed.members.entries()) {
        assertPart(value, fields[index] ?? null, shape.fields[index]!.type, said);
      }
      return;
    }
    default:
      assert.ok(exact, `bytes that are not UTF-8 are printed as ${canonical(printed)}`);
      assertScalar(printed, said.types.nameOf(oid) ?? "", text, said);
  }
}

function assertScalar(printed: Exact, type: string, text: string, { safeNumbers }: Said): void {
  const token = canonical(printed);
  switch (type) {
    case "json":
    case "jsonb":
      return assertJson(token, text, safeNumbers);
    case "bool":
      return assert.equal(
        token,
        new Map([
          ["t", "true"],
          ["f", "false"],
        ]).get(text),
      );
    case "timestamp":
    case "timestamptz": {
      // The T, and minutes of a zone that has only hours; nothing else is added or taken away.
      const back = (stringOf(printed) ?? "").replace("T", " ");
      const hours = back.replace(/(:\d\d(?:\.\d+)?[+-]\d\d):00( BC)?$/, "$1$2");
      assert.match(text, /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d/);
      return assert.ok(text === back || text === hours, `${text} became ${token}`);
    }
    default:
      assert.ok(
        ["int2", "int4", "int8", "float4", "float8", "numeric"].includes(type),
        `${type}: ${token}`,
      );
      assert.equal(token, text);
  }
}

/** The same value, with the same digits. */
function assertJson(token: string, text: string, safeNumbers: boolean): void {
  const sent: unknown = JSON.parse(text);
  const printed: unknown = JSON.parse(token);
  if (!safeNumbers) return assert.deepEqual(printed, sent);
  const digits = (json: string): string[] => json.match(/[-+\d.eE]*\d/g) ?? [];
  assert.deepEqual(
    digits(token),
    digits(JSON.stringify(sent) === token ? token : normalised(text)),
  );
}

/** White space and escapes as the exact parser writes them. */
function normalised(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) =>
    part.startsWith('"') ? JSON.stringify(JSON.parse(part)) : "",
  );
}

function assertItems(
  printed: Exact,
  items: readonly (Buffer | null)[],
  element: number,
  said: Said,
  dimensions = 1,
): void {
  const leaves = leavesOf(printed, dimensions);
  assert.equal(leaves.length, items.length, canonical(printed));
  for (const [index, leaf] of leaves.entries())
    assertPart(leaf, items[index] ?? null, element, said);
}

function assertPart(printed: Exact, bytes: Buffer | null, oid: number, said: Said): void {
  if (bytes === null) assert.equal(canonical(printed), "null");
  else assertSaid(printed, oid, bytes, said);
}

/** The elements of an array of so many dimensions. */
function leavesOf(printed: Exact, dimensions: number): readonly Exact[] {
  assert.equal(printed.kind, "array");
  if (printed.kind !== "array") return [];
  return dimensions <= 1
    ? printed.items
    : printed.items.flatMap((item) => leavesOf(item, dimensions - 1));
}

const asBytes = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

function vectorItems(bytes: Buffer): Buffer[] {
  return bytes.length === 0 ? [] : bytes.toString("latin1").split(" ").map(asBytes);
}

/** The elements in the order in which they stand, whatever the braces. */
function arrayItems(bytes: Buffer, delimiter: string): (Buffer | null)[] {
  const body = bytes.toString("latin1").replace(/^(\[[^\]]*\])+=/, "");
  const token = new RegExp(`"((?:[^"\\\\]|\\\\[^])*)"|([^"{}${delimiter}]+)`, "g");
  return Array.from(body.matchAll(token), ([, quoted, plain]) => {
    if (plain !== undefined) return plain === "NULL" ? null : asBytes(plain);
    return asBytes((quoted ?? "").replace(/\\([^])/g, "$1"));
  });
}

function rowFields(bytes: Buffer): (Buffer | null)[] {
  const body = `,${bytes.toString("latin1").slice(1, -1)}`;
  const fields: (Buffer | null)[] = [];
  for (const [, quoted, plain] of body.matchAll(/,(?:"((?:[^"\\]|\\[^]|"")*)"|([^,"]*))/g)) {
    if (quoted !== undefined)
      fields.push(asBytes(quoted.replace(/\\([^])|""/g, (_, one?: string) => one ?? '"')));
    else fields.push(plain === "" || plain === undefined ? null : asBytes(plain));
  }
  return fields;
}

function assertPairs(printed: Exact, bytes: Buffer): void {
  const pairs = bytes
    .toString("latin1")
    .matchAll(/"((?:[^"\\]|\\[^])*)"=>(?:"((?:[^"\\]|\\[^])*)"|NULL)/g);
  const plain = (escaped: string): Buffer => asBytes(escaped.replace(/\\([^])/g, "$1"));
  const sent = Array.from(pairs, ([, key = "", value]) => [
    plain(key).toString(),
    value === undefined ? "null" : jsonOf(plain(value)),
  ]);
  assert.equal(printed.kind, "object");
  if (printed.kind !== "object") return;
  assert.deepEqual(
    printed.members.map(([key, value]) => [key, canonical(value)]),
    sent,
  );
}

function jsonOf(bytes: Buffer): string {
  const text = bytes.toString();
  return Buffer.compare(Buffer.from(text), bytes) === 0
    ? JSON.stringify(text)
    : JSON.stringify({ bytes_base64: bytes.toString("base64") });
}

function stringOf(printed: Exact): string | undefined {
  if (printed.kind !== "scalar" || !printed.token.startsWith('"')) return undefined;
  return String(JSON.parse(printed.token));
}

function base64Of(printed: Exact): string | undefined {
  const [member, second] = printed.kind === "object" ? printed.members : [];
  return second === undefined && member?.[0] === "bytes_base64" ? stringOf(member[1]) : undefined;
}
