/** The stream's machine without a server: its own classes, driven as a session and a connection drive them. */
import { readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import type { Client } from "pg";
import type { CommandContext } from "../../../src/program/context.ts";
import { acceptsAll } from "../../../src/messages/filter/filter.ts";
import { Pipeline } from "../../../src/messages/pipeline/pipeline.ts";
import type { Reporter } from "../../../src/program/reporter.ts";
import type { TailConfig } from "../../../src/commands/tail/config.ts";
import { openFileOutput } from "../../../src/commands/tail/file-output.ts";
import { type TailOutput, toStream } from "../../../src/commands/tail/output.ts";
import { type Lsn, formatLsn, maxLsn } from "../../../src/lsn.ts";
import { ByteReader } from "../../../src/postgres/bytes/reader.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../../src/render/ndjson/ndjson.ts";
import type { PgoutputOptions, Streaming } from "../../../src/server/settings/pgoutput-options.ts";
import { Continuation } from "../../../src/server/start/continuation.ts";
import { GapError } from "../../../src/server/start/gap-error.ts";
import type { SessionOptions } from "../../../src/server/start/options.ts";
import { type StreamState, forgetStream, openState } from "../../../src/server/start/state.ts";
import { Intake } from "../../../src/server/stream/intake.ts";
import type { TypeWatch } from "../../../src/server/types/watch.ts";

/** What the server answers at a start. */
export interface SimulatedServer {
  readonly version: number;
  readonly position: number;
  readonly timeline: number;
  /** confirmed_flush_lsn. */
  readonly confirmed: number;
  readonly restart: number;
  readonly twoPhase: boolean;
}

const SYSTEM = "7000000000000000001";
const CONTEXT = { stop: new AbortController().signal } as CommandContext;
const QUIET = { warn: () => {}, notice: () => {} };
const SLOT = "s";

/** One process of tail, with or without -o FILE. */
export class DrivenTail {
  readonly #file: string | undefined;
  readonly #options: SessionOptions;
  readonly #continuation: Continuation;
  readonly #output: TailOutput;
  /** Without FILE, what was printed. */
  #text = "";
  readonly #pipeline: Pipeline;
  #state: StreamState | undefined;
  #started: Parameters<Continuation["end"]>[1] | undefined;
  readonly #pgoutput: PgoutputOptions;
  #starts = 0;
  #intake: Intake | undefined;
  #failure: Error | undefined;
  /** What can wait for the catalogue does, for ever. */
  #waits = false;

  /** @param file undefined: standard output */
  constructor(file: string | undefined, pgoutput: PgoutputOptions, acknowledge: boolean) {
    this.#file = file;
    this.#pgoutput = pgoutput;
    const stdout = { stream: process.stdout };
    const config = {
      pgoutput,
      ackFrom: undefined,
      target: { database: "db" },
      filter: { acceptsKind: () => true },
    };
    const context = { ...CONTEXT, stdout, stderr: stdout } as unknown as CommandContext;
    const reporter = QUIET as unknown as Reporter;
    const write = (bytes: Uint8Array): undefined =>
      void (this.#text += Buffer.from(bytes).toString());
    this.#output =
      file === undefined
        ? toStream({ write, sync: () => undefined })
        : openFileOutput(file, config as unknown as TailConfig, () => true, context, reporter);
    const types = new TypeRegistry();
    const { sink, journal, takeOver } = this.#output;
    const wait = (): Promise<void> | undefined =>
      this.#waits ? new Promise<void>(() => {}) : undefined;
    this.#pipeline = new Pipeline({
      types,
      accepts: acceptsAll,
      capture: undefined,
      journal,
      typeWatch: { prepare: wait, prepareStreamed: wait, idle: () => {} } as unknown as TypeWatch,
      renderer: new NdjsonRenderer({ types, values: "json", safeNumbers: false }),
      // What is written to a file in memory is as durable as it gets.
      sink: { write: (bytes) => sink.write(bytes), sync: () => undefined },
      warn: () => {},
    });
    const received = (): ReturnType<SessionOptions["received"]> => journal?.received();
    const started: SessionOptions["started"] = (start) => journal?.started(start);
    this.#options = {
      target: { database: "db" },
      consumer: this.#pipeline,
      acknowledge,
      takeOver,
      received,
      started,
      startpos: undefined,
      endpos: undefined,
      limit: undefined,
      allowGap: false,
      news: QUIET,
    } as unknown as SessionOptions;
    this.#continuation = new Continuation(this.#options);
  }

  /** Returns the start position of START_REPLICATION, and its option. @throws GapError */
  async connect(
    server: SimulatedServer,
  ): Promise<{ readonly from: number; readonly streaming: Streaming }> {
    const client = clientOf(server);
    const started = {
      serverVersion: server.version * 10_000,
      slotName: SLOT,
      temporary: false,
      slotCreated: false,
      slotPosition: formatLsn(lsn(server.confirmed)),
      oldest: lsn(server.restart),
      twoPhase: server.twoPhase || this.#pgoutput.twoPhase,
    };
    this.#state ??= await openState(client, this.#options);
    const start = await this.#continuation.choose(client, this.#state, started);
    const state = start.gap ? (this.#state = forgetStream(this.#state)) : this.#state;
    if (this.#starts > 0) state.ledger.restart();
    const { slotPosition } = start.standing;
    state.feedback.restart(slotPosition);
    state.resume.start(maxLsn(start.from, slotPosition));
    this.#intake = new Intake(state, start.check, (gap) => {
      if (gap !== undefined) this.#failure = new GapError(gap);
    });
    if (this.#continuation.isStale) throw new Error("FILE is not as it was");
    this.#starts++;
    this.#continuation.begin(start, state, started.oldest);
    this.#started = started;
    const streaming = state.resume.isCutLate ? "off" : this.#pgoutput.streaming;
    return { from: Number(start.from), streaming };
  }

  /** @throws GapError */
  receive(payload: Uint8Array, waits = false): void {
    this.#waits = waits;
    this.#intake?.receive(new ByteReader(payload));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The end of a chunk: all that was received is written. */
  flush(): void {
    if (this.#state === undefined) return;
    const { ledger } = this.#state;
    const mark = ledger.mark();
    const { ends } = ledger;
    void this.#pipeline.flush();
    ledger.write(mark, ends);
  }

  /** Returns the flush position of a status. 0: it confirms nothing. */
  status(): number {
    if (this.#state === undefined) return 0;
    const { feedback, ledger } = this.#state;
    ledger.deliver(this.#pipeline.sync(ledger.written) as Lsn);
    return Number(feedback.status(ledger, performance.now()).flush);
  }

  /** The furthest record of which something was passed on. */
  get passed(): number {
    return Number(this.#state?.resume.passed ?? 0);
  }

  /** Whether the next start can tell by what the server repeats that its log is the one received. */
  get isAnchored(): boolean {
    return this.#state?.resume.anchor !== undefined;
  }

  disconnect(): void {
    if (this.#state === undefined || this.#started === undefined) return;
    this.flush();
    this.#continuation.end(this.#state, this.#started);
    this.#state.ledger.disconnect();
    this.#state.resume.disconnect();
  }

  /** kill -9 while a write was under way: of what was rendered `share` eighths are in FILE. */
  kill(share: number): void {
    if (this.#file === undefined) return void this.#pipeline.flush();
    const before = statSync(this.#file).size;
    void this.#pipeline.flush();
    const after = statSync(this.#file).size;
    if (share < 8) truncateSync(this.#file, before + Math.floor(((after - before) * share) / 8));
    (this.#output.sink as { close?: () => void }).close?.();
  }

  get printed(): string {
    return this.#file === undefined ? this.#text : readFileSync(this.#file, "utf8");
  }
}

function lsn(value: number): Lsn {
  return BigInt(value) as Lsn;
}

function clientOf({ position, timeline }: SimulatedServer): Client {
  const identity = { systemid: SYSTEM, timeline, xlogpos: formatLsn(lsn(position)) };
  const query = async (sql: string): Promise<unknown> => {
    if (sql === "IDENTIFY_SYSTEM") return { rows: [identity] };
    if (sql.includes("pg_is_in_recovery")) return { rows: [{ recovering: false }] };
    throw new Error(`the simulated server does not know ${sql}`);
  };
  return { replication: "database", query } as unknown as Client;
}

export function removeOutput(file: string): void {
  for (const path of [file, `${file}.walctl`, `${file}.walctl.new`]) rmSync(path, { force: true });
}
