/** Stored values of real pages with what was written of them, kept as fixtures/heap/values.json. */
import { matchGolden } from "../../../support/golden/golden.ts";
import type { TestServer } from "../../../support/server/server.ts";
import type { TypeSource } from "../../../../src/postgres/stored/type-source.ts";
import { type Answer, answerOf, regNames } from "./server-types.ts";

export const SAMPLES = "fixtures/heap/values.json";

/** The type's oid, the payload in hex, and the column: its text, null where the type is not known. */
type Sample = readonly [typeOid: number, payload: string, text: string | null];

export interface SampleFile {
  readonly answer: Answer;
  /** By type and oid: `regclass 1259`. */
  readonly names: Readonly<Record<string, string>>;
  readonly values: readonly Sample[];
}

const BYTES_MAX = 240;
const PER_TYPE_MAX = 14;
/** FirstNormalObjectId: all types below are kept; of those that are made of them, the ones of these tables. */
const FIRST_NORMAL_OID = 16_384;
const OWN_TYPES =
  /^own_types\.|^more\.|\.of_(?:int4|text|numeric_12_4_|box|jsonb|hstore|citext|regclass)$/;

export class Samples {
  readonly #values: Sample[] = [];
  readonly #seen = new Map<number, Set<string>>();

  add(table: string, typeOid: number, payload: Uint8Array, written: Uint8Array): void {
    if (typeOid >= FIRST_NORMAL_OID && !OWN_TYPES.test(table)) return;
    const seen = this.#seen.get(typeOid) ?? new Set();
    this.#seen.set(typeOid, seen);
    const stored = Buffer.from(payload).toString("hex");
    if (payload.length > BYTES_MAX || seen.size === PER_TYPE_MAX || seen.has(stored)) return;
    seen.add(stored);
    const text = written[0] === 0x74 ? Buffer.from(written.subarray(5)).toString() : null;
    this.#values.push([typeOid, stored, text]);
  }

  /** Writes the file, where goldens are updated. */
  async update(server: TestServer, types: TypeSource): Promise<void> {
    if (process.env["UPDATE_GOLDENS"] !== "1") return;
    const all = await answerOf(server);
    const printed = (name: string): boolean =>
      this.#values.some(([, , text]) => text?.includes(name));
    const names = [...(await regNames(server))].filter(([, name]) => printed(name));
    const needed = new Set<number>();
    const visit = (oid: number): void => {
      const type = needed.has(oid) ? undefined : types.type(oid);
      if (type === undefined) return;
      needed.add(oid);
      const range = types.rangeOfMultirange(oid) ?? 0;
      const subtype = types.rangeSubtype(range === 0 ? oid : range) ?? 0;
      for (const part of [type.element, type.base, range, subtype]) visit(part);
      for (const { typeOid } of types.attributes(type.relation)) visit(typeOid);
    };
    for (const oid of this.#seen.keys()) visit(oid);
    const kept = all.types.filter(({ oid }) => needed.has(oid));
    const relations = new Set(kept.map(({ relation }) => relation));
    relations.delete(0);
    const attributes = all.attributes.filter(({ relation }) => relations.has(relation));
    const answer = { ...all, types: kept, attributes };
    const head = JSON.stringify({ answer, names: Object.fromEntries(names) }).slice(0, -1);
    const values = this.#values.map((value) => JSON.stringify(value)).join(",\n");
    matchGolden(SAMPLES, `${head},"values":[\n${values}\n]}\n`);
  }
}
