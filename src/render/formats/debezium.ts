import type { Lsn } from "../../lsn.ts";
import type {
  Delete,
  Insert,
  LogicalMessage,
  PgoutputMessage,
  Relation,
  Truncate,
  Update,
} from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { committedOnly } from "./committed-only.ts";
import {
  type DebeziumPlan,
  keyChanged,
  planDebezium,
  writeKey,
  writeWholeRow,
} from "./debezium-rows.ts";
import { unixMicros } from "./debezium-times.ts";
import { jsonString } from "../bytes/json-text.ts";
import { base64 } from "../ndjson/lines.ts";
import { RelationPlans } from "../values/relation-plans.ts";
import type { Renderer } from "../renderer.ts";

export interface DebeziumOptions {
  readonly types: TypeRegistry;
  /** source.version: walctl's own version. */
  readonly version: string;
  /** source.db; null if it is not known, as with a capture. */
  readonly database: string | null;
  /** The clock, in milliseconds since 1970: an event includes the time at which it was made. */
  readonly now: () => number;
}

type Op = "c" | "u" | "d" | "t" | "m";

interface Event {
  readonly op: Op;
  readonly message: Insert | Update | Delete | Truncate | LogicalMessage;
  readonly relation: Relation | undefined;
  readonly before?: () => void;
  readonly after?: () => void;
}

/**
 * Prints change events like the Debezium connector for PostgreSQL: the value's payload, one a line. The options that it
 * corresponds to are listed at `debeziumEncoder`. Begins and commits have no line, as with the connector's defaults.
 */
export class DebeziumRenderer implements Renderer {
  readonly #out = new ByteWriter();
  readonly #options: DebeziumOptions;
  readonly #plans: RelationPlans<DebeziumPlan>;
  #lastCommit: Lsn | undefined;

  constructor(options: DebeziumOptions) {
    this.#options = options;
    this.#plans = new RelationPlans((relation) => planDebezium(relation, options.types));
  }

  take(): Uint8Array {
    return this.#out.take();
  }

  /** @throws WalctlError on messages of transactions that may still be rolled back */
  render(message: PgoutputMessage): void {
    switch (message.kind) {
      case "insert":
        return this.#insert(message);
      case "update":
        return this.#update(message);
      case "delete":
        return this.#delete(message);
      case "truncate":
        for (const relation of message.relations) this.#event({ op: "t", message, relation });
        return;
      case "message":
        return this.#event({ op: "m", message, relation: undefined });
      case "commit":
        this.#lastCommit = message.endLsn;
        return;
      case "begin":
      case "origin":
      case "relation":
      case "type":
      case "table_changed":
      case "sequence":
      case "unknown":
        return;
      default:
        throw committedOnly("debezium", message.kind);
    }
  }

  /** The skipped bytes may have contained a commit. */
  skipped(): void {
    this.#lastCommit = undefined;
    this.#plans.clear();
  }

  #insert(message: Insert): void {
    const { relation } = message;
    const plan = this.#plans.of(relation);
    const after = (): void => writeWholeRow(this.#out, message.new, plan, null);
    this.#event({ op: "c", message, relation, after });
  }

  /** A row whose key changes is deleted under the old key and created under the new one. */
  #update(message: Update): void {
    const { relation, key, old } = message;
    const plan = this.#plans.of(relation);
    const after = (): void => writeWholeRow(this.#out, message.new, plan, old);
    if (key !== null && keyChanged(key, message.new, relation)) {
      const before = (): void => writeKey(this.#out, key, plan);
      this.#event({ op: "d", message, relation, before });
      this.#event({ op: "c", message, relation, after });
    } else if (old === null) {
      this.#event({ op: "u", message, relation, after });
    } else {
      const before = (): void => writeWholeRow(this.#out, old, plan, null);
      this.#event({ op: "u", message, relation, before, after });
    }
  }

  #delete(message: Delete): void {
    const { relation, key, old } = message;
    const plan = this.#plans.of(relation);
    const before = (): void => {
      if (old !== null) writeWholeRow(this.#out, old, plan, null);
      else if (key !== null) writeKey(this.#out, key, plan);
    };
    this.#event({ op: "d", message, relation, before });
  }

  #event({ op, message, relation, before, after }: Event): void {
    const out = this.#out;
    const now = BigInt(this.#options.now()) * 1000n;
    if (message.kind === "message") {
      out.text("{");
    } else {
      out.text('{"before":');
      if (before === undefined) out.text("null");
      else before();
      out.text(',"after":');
      if (after === undefined) out.text("null");
      else after();
      out.text(",");
    }
    out.text(
      `${this.#source(message, relation, now)},"transaction":null,"op":"${op}",${times(now)}`,
    );
    if (message.kind === "message") out.text(`,${contentOf(message)}`);
    out.text("}\n");
  }

  /** A message outside of a transaction has no commit time; the event's own time is used. */
  #source(message: Event["message"], relation: Relation | undefined, now: bigint): string {
    const { version, database } = this.#options;
    const { position, transaction } = message;
    const lsn = (BigInt(position.high) << 32n) | BigInt(position.low);
    const sequence = [this.#lastCommit?.toString() ?? null, lsn === 0n ? null : lsn.toString()];
    const time = transaction?.commitTime ?? null;
    const at = time === null ? now : unixMicros(time);
    return (
      `"source":{"version":${jsonString(version)},"connector":"postgresql","name":"walctl",${times(at)}` +
      `,"snapshot":"false","db":${database === null ? "null" : jsonString(database)}` +
      `,"sequence":${jsonString(JSON.stringify(sequence))},${tableOf(relation)}` +
      `,"txId":${transaction?.xid ?? null},"lsn":${lsn === 0n ? null : lsn},"xmin":null}`
    );
  }
}

function times(micros: bigint): string {
  return `"ts_ms":${micros / 1000n},"ts_us":${micros},"ts_ns":${micros * 1000n}`;
}

/** A message concerns no table: both names are empty. A relation that was not announced has only its oid. */
function tableOf(relation: Relation | undefined): string {
  if (relation === undefined) return '"schema":"","table":""';
  if (!relation.announced) return `"schema":null,"table":null,"oid":${relation.oid}`;
  const schema = relation.schema === "" ? "pg_catalog" : relation.schema;
  return `"schema":${jsonString(schema)},"table":${jsonString(relation.table)}`;
}

function contentOf({ prefix, content }: LogicalMessage): string {
  return `"message":{"prefix":${jsonString(prefix)},"content":"${base64(content)}"}`;
}
