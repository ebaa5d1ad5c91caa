/*
 * What one run of tail or decode-file asks for, and the way of its messages: filter, --where, gate, pipeline, renderer.
 * Law: behind askedOf() no code sees a flag of these; all streams and captures of a run go the same way.
 * Way in: MessageRun.open(), then stream() for each stream or capture.
 */

import { type ExitCode, WalctlError } from "../../errors.ts";
import type { Sink } from "../../output/sink.ts";
import type { MessageKind } from "../../postgres/messages/messages.ts";
import { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { CommandContext } from "../../program/context.ts";
import type { Reporter, Warning } from "../../program/reporter.ts";
import { TemporaryFiles } from "../../program/temporary-files.ts";
import { AskedNames } from "../filter/asked-names.ts";
import { type GateOptions, TransactionGate } from "../gate/gate.ts";
import { Pipeline, type PipelineParts } from "../pipeline/pipeline.ts";
import type { Where } from "../where/where.ts";
import type { Asked } from "./asked.ts";
import { type Rendering, type Screen, createRenderer, writeRest } from "./renderer.ts";
import type { SqlRun } from "./sql.ts";

/** What one stream or capture has of its own. */
interface StreamParts extends Partial<
  Pick<PipelineParts, "typeWatch" | "capture" | "journal" | "warn">
> {
  readonly types: TypeRegistry;
  readonly sink: Sink;
  /** Whose changes they are, where that is known. */
  readonly database?: string;
  readonly screen?: Screen;
  /** In place of the one that was asked for. */
  readonly gate?: GateOptions;
}

/** The way of the messages of one stream or capture to its sink. */
export interface MessageStream {
  readonly pipeline: Pipeline;
  readonly rendering: Rendering;
  readonly gate: TransactionGate | undefined;
}

/** One run of a command that prints messages: what all of its streams or captures share. */
export class MessageRun {
  readonly #asked: Asked;
  readonly #context: CommandContext;
  readonly #reporter: Reporter;
  readonly where: Where | undefined;
  readonly names: AskedNames;
  /** One script for all. Undefined: another format than SQL. */
  readonly sql: SqlRun | undefined;
  /** One for all. Undefined: the changes themselves are printed. */
  readonly summary: Rendering | undefined;

  private constructor(
    asked: Asked,
    context: CommandContext,
    reporter: Reporter,
    loaded: Pick<MessageRun, "where" | "sql" | "summary">,
  ) {
    this.#asked = asked;
    this.#context = context;
    this.#reporter = reporter;
    this.names = new AskedNames(asked.columns, asked.filter);
    this.where = loaded.where;
    this.sql = loaded.sql;
    this.summary = loaded.summary;
  }

  /**
   * Loads the language of --where, SQL and summaries where they are asked for: loading delays every start.
   * @throws WalctlError, a usage error, if --where cannot be parsed
   */
  static async open(
    asked: Asked,
    context: CommandContext,
    reporter: Reporter,
    files = new TemporaryFiles(),
  ): Promise<MessageRun> {
    const { filter, gate, rendering, where } = asked;
    const parsed =
      where.length === 0
        ? undefined
        : await (await import("../where/where.ts")).createWhere(where, filter);
    if (gate.taken !== undefined) reporter.notice(gate.taken);
    const sql =
      rendering.sql === undefined
        ? undefined
        : new (await import("./sql.ts")).SqlRun(rendering.sql, filter.tables, reporter, files);
    const summary = rendering.summary
      ? await createRenderer(rendering, new TypeRegistry(), context)
      : undefined;
    return new MessageRun(asked, context, reporter, { where: parsed, sql, summary });
  }

  async stream(parts: StreamParts): Promise<MessageStream> {
    const { types, sink, typeWatch, capture, journal } = parts;
    const { filter, gate: askedGate, rendering: options } = this.#asked;
    const rendering =
      this.summary ??
      this.sql?.rendering(types) ??
      (await createRenderer(options, types, this.#context, parts.database, parts.screen));
    const gate = TransactionGate.of(parts.gate ?? askedGate);
    const accepts = filter.rows?.after(this.names.accepts, types) ?? this.names.accepts;
    const pipeline = new Pipeline({
      ...(this.where?.after(accepts, types, this.#reporter) ?? { accepts }),
      types,
      typeWatch,
      capture,
      journal,
      gate,
      times: askedGate.times,
      renderer: rendering.renderer,
      sink,
      warn: parts.warn ?? ((warning) => this.#reporter.warn(warning)),
    });
    return { pipeline, rendering, gate };
  }

  /** Whether lines of that kind can be printed. */
  acceptsKind(kind: MessageKind): boolean {
    return (this.where ?? this.#asked.filter).acceptsKind(kind);
  }

  /** Known at the end: what was asked for and did not come. */
  unmet(why?: (xid: number) => Warning): readonly Warning[] {
    const { filter, gate } = this.#asked;
    return [
      ...this.names.warnings(),
      ...(filter.rows?.warnings() ?? []),
      ...(this.where?.warnings() ?? []),
      ...(gate.xids?.warnings(why) ?? []),
      ...(gate.times?.warnings() ?? []),
    ];
  }

  /** Writes what is still to be printed of a stream. A summary comes once, with finish(). */
  async finishStream({ rendering }: MessageStream, sink: Sink): Promise<void> {
    if (rendering !== this.summary) await writeRest(rendering, sink);
  }

  async finish(sink: Sink): Promise<void> {
    if (this.summary !== undefined) await writeRest(this.summary, sink);
  }
}

/** The end of a run that a signal ended before all was printed: half an undo is none. */
export function endOfSignal(
  { rendering: { sql } }: Asked,
  failed: ExitCode,
  otherwise: () => ExitCode,
): () => ExitCode {
  return () => {
    if (sql?.undo !== true) return otherwise();
    throw new WalctlError("a signal ended it before the undo was printed", {
      detail: "A script without COMMIT at its end changes nothing.",
      exitCode: failed,
    });
  };
}
