/* The formats that consumers of other programs read: wal2json's format 2, Debezium's events (docs/formats.md). */

import { isUtf8 } from "node:buffer";
import type {
  Delete,
  Insert,
  LogicalMessage,
  PgoutputMessage,
  Truncate,
  Update,
} from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { committedOnly } from "./committed-only.ts";
import { jsonString, writeString } from "../bytes/json-text.ts";
import { base64 } from "../ndjson/lines.ts";
import { relationName } from "../values/relation-plan.ts";
import { RelationPlans } from "../values/relation-plans.ts";
import type { Renderer } from "../renderer.ts";
import { walkTuple } from "../values/tuple-walk.ts";
import { type Wal2jsonPlan, planWal2json } from "./wal2json-plan.ts";

const BEGIN = piece('{"action":"B"}\n');
const COMMIT = piece('{"action":"C"}\n');
const HEADS = {
  insert: piece('{"action":"I"'),
  update: piece('{"action":"U"'),
  delete: piece('{"action":"D"'),
};
const COLUMNS = piece(',"columns":[');
const IDENTITY = piece(',"identity":[');
const NULL = piece("null");
const LINE_END = piece("}\n");
const [COMMA, OBJECT_END, LIST_END] = [0x2c, 0x7d, 0x5d];

/**
 * Prints the lines of the output plugin wal2json with format-version 2 and its default options, byte for byte if
 * pgoutput carries the same facts. Messages for which wal2json has no action (relation, type, origin) have no line.
 */
export class Wal2jsonRenderer implements Renderer {
  readonly #out = new ByteWriter();
  readonly #plans: RelationPlans<Wal2jsonPlan>;
  readonly #schemas = new Map<number, string>();

  constructor(types: TypeRegistry) {
    this.#plans = new RelationPlans((relation) =>
      planWal2json(relation, types, (oid) => this.#schemas.get(oid)),
    );
  }

  take(): Uint8Array {
    return this.#out.take();
  }

  skipped(): void {
    this.#plans.clear();
  }

  /** @throws WalctlError on messages of transactions that may still be rolled back */
  render(message: PgoutputMessage): void {
    switch (message.kind) {
      case "begin":
        return this.#out.copy(BEGIN);
      case "commit":
        return this.#out.copy(COMMIT);
      case "insert":
      case "update":
      case "delete":
        return this.#change(message);
      case "truncate":
        return this.#truncate(message);
      case "message":
        return this.#message(message);
      case "type":
        this.#schemas.set(message.oid, message.schema);
        return;
      case "relation":
      case "origin":
      case "table_changed":
      case "sequence":
      case "unknown":
        return;
      default:
        throw committedOnly("wal2json", message.kind);
    }
  }

  #change(message: Insert | Update | Delete): void {
    const plan = this.#plans.of(message.relation);
    this.#out.copy(HEADS[message.kind]);
    this.#out.copy(plan.head);
    if (message.kind !== "delete") this.#row(COLUMNS, message.new, plan, false);
    if (message.kind !== "insert") this.#identity(message, plan);
    this.#out.copy(LINE_END);
  }

  /** If an update does not change the key, the server sends no old key: it equals the new row's. */
  #identity(message: Update | Delete, plan: Wal2jsonPlan): void {
    if (message.old !== null) this.#row(IDENTITY, message.old, plan, false);
    else if (message.key !== null) this.#row(IDENTITY, message.key, plan, true);
    else if (message.kind === "update" && plan.keyed) this.#row(IDENTITY, message.new, plan, true);
  }

  #row(head: Uint8Array, tuple: TupleData, plan: Wal2jsonPlan, keyOnly: boolean): void {
    const out = this.#out;
    const { bytes, view } = tuple;
    out.copy(head);
    const first = out.offset;
    walkTuple(tuple, (index, kind, start, end) => {
      const column = plan.columns[index];
      if (column === undefined || kind === ColumnKind.unchanged) return;
      // One managed service marks no column as key: then every value that is not null is the key.
      if (keyOnly && !(plan.keyed ? column.identity : kind !== ColumnKind.null)) return;
      if (out.offset > first) out.byte(COMMA);
      out.copy(column.head);
      if (kind === ColumnKind.text) column.encode(out, bytes, view, start, end);
      else if (kind === ColumnKind.null) out.copy(NULL);
      else column.encodeBinary(out, bytes, view, start, end);
      out.byte(OBJECT_END);
    });
    out.byte(LIST_END);
  }

  /** Prints a line for each table. */
  #truncate({ relations }: Truncate): void {
    for (const relation of relations) {
      this.#out.text(`{"action":"T",${relationName(relation)}}\n`);
    }
  }

  #message({ transactional, prefix, content }: LogicalMessage): void {
    const out = this.#out;
    out.text(`{"action":"M","transactional":${transactional},"prefix":${jsonString(prefix)}`);
    if (isUtf8(content)) {
      out.text(',"content":');
      const view = new DataView(content.buffer, content.byteOffset, content.length);
      writeString(out, content, view, 0, content.length);
    } else {
      // wal2json prints such bytes unchanged, which is not valid JSON.
      out.text(`,"content_base64":"${base64(content)}"`);
    }
    out.copy(LINE_END);
  }
}

function piece(text: string): Uint8Array {
  return Buffer.from(text);
}
