/** One slot and its consumer: a walctl that is killed and started again, and the reader of what it prints. */
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { INVALID_LSN as NONE, type Lsn, parseLsn } from "../../src/lsn.ts";
import { type RunningWalctl, spawnWalctl } from "../support/program/cli.ts";
import { FaultProxy } from "../support/server/proxy.ts";
import type { TestServer } from "../support/server/server.ts";
import type { AckConsumer } from "./ack-consumer.ts";
import { lastLine, readOutput } from "./output-file.ts";
import { Transcript } from "./transcript.ts";

export interface SubjectOptions {
  readonly name: string;
  readonly args: readonly string[];
  /** The FILE of --output. */
  readonly file?: string;
  readonly unix: boolean;
  /** FILE may be taken away: what of it was there by then. Then each transaction is there at least once. */
  readonly retired?: Array<() => Transcript>;
  /** With such last words it may end by itself. */
  readonly mayEnd?: RegExp;
  /** Confirms what was printed. */
  readonly consumer?: AckConsumer;
}

/** What the slot had confirmed while such a process was the last one, and how long FILE was by then. */
export interface Sample {
  readonly confirmed: Lsn;
  readonly process: number;
  readonly fileBytes: number;
}

/** Only before its first start may walctl give up, and only for an error that passes. */
const MAY_NOT_START =
  /^walctl: error: (could not connect to server|could not .*(lost|57P0[123]|57014|40P01|55P03|53300))/m;
/** A stream that had begun has ended. */
const INTERRUPTED =
  /^walctl: warning: (lost the connection|the stream was interrupted|disconnected, because)/gm;
const DRAIN_MS = 50;
/** What it says of a slot that somebody else has moved. */
const MOVED = /^walctl: (?:error|warning): slot "\w+" is at .*, beyond what was received/m;
const MISSING =
  /^DETAIL: What committed between ([0-9A-F/]+) and ([0-9A-F/]+) has not been received/gm;

/** What is said to be missing: all that ended behind `after`, up to and with `upTo`. */
export interface SaidGap {
  readonly after: Lsn;
  readonly upTo: Lsn;
}

export class Subject {
  readonly options: SubjectOptions;
  readonly proxy: FaultProxy;
  readonly transcripts: Transcript[] = [];
  readonly samples: Sample[] = [];
  readonly gaps: SaidGap[] = [];
  /** What it did that it should not have done. */
  readonly complaints: string[] = [];
  reconnects = 0;
  readonly #server: TestServer;
  #running: RunningWalctl | undefined;
  #transcript = new Transcript();
  #ending = false;
  #stopping = false;
  readonly #draining: NodeJS.Timeout;

  static async start(server: TestServer, options: SubjectOptions): Promise<Subject> {
    await server.sql(`SELECT pg_create_logical_replication_slot('${options.name}', 'pgoutput')`);
    return new Subject(server, options, await FaultProxy.start(server, { unix: options.unix }));
  }

  private constructor(server: TestServer, options: SubjectOptions, proxy: FaultProxy) {
    this.#server = server;
    this.options = options;
    this.proxy = proxy;
    this.#spawn();
    this.#draining = setInterval(() => this.#drain(), DRAIN_MS);
  }

  /** Of each process what could be read of it, or of all together what FILE holds now. */
  outputs(): readonly Transcript[] {
    const { file } = this.options;
    if (file === undefined) return this.transcripts;
    return [...(this.options.retired ?? []).map((read) => read()), readOutput(file)];
  }

  /** Whether that transaction's end is the last thing printed. */
  hasPrintedLast(xid: number | undefined): boolean {
    const { file } = this.options;
    if (file === undefined) return this.#transcript.committed.at(-1)?.xid === xid;
    return (
      lastLine(file).startsWith('{"kind":"commit"') && lastLine(file).includes(`"xid":${xid},`)
    );
  }

  /** The process that runs, or one before that left FILE, knows of something. */
  get hasReceived(): boolean {
    if (this.#running === undefined) return false;
    if (this.#transcript.committed.length > 0) return true;
    return this.options.file !== undefined && lastLine(this.options.file) !== "";
  }

  /** What the process said last on standard error. */
  get lastWords(): string {
    return this.#running?.stderr.slice(-1000) ?? "it does not run";
  }

  sample(confirmed: Lsn): void {
    const { file } = this.options;
    const fileBytes =
      file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
    this.samples.push({ confirmed, process: this.transcripts.length - 1, fileBytes });
  }

  stall(): void {
    this.#running?.stall();
  }

  resume(): void {
    this.#running?.resume();
  }

  freeze(): void {
    this.#running?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#running?.signal("SIGCONT");
  }

  /** Without a wish for its end. */
  signal(signal: "SIGUSR1" | "SIGHUP"): void {
    // Before it listens, these would end it as they end any program.
    const listens =
      this.#transcript.committed.length > 0 || this.lastWords.search(INTERRUPTED) >= 0;
    if (listens && (signal === "SIGUSR1" || this.options.file !== undefined)) {
      this.#running?.signal(signal);
    }
  }

  /** Ends the process, reads what it has left in the pipe, and starts another one. */
  async restart(signal: "SIGKILL" | "SIGTERM" | "SIGINT", pauseMs: number): Promise<void> {
    await this.#stop(signal);
    await sleep(pauseMs);
    if (!this.#ending && this.#running === undefined) this.#spawn();
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.proxy.flow();
    await this.#stop("SIGTERM");
    clearInterval(this.#draining);
    await this.proxy.close();
  }

  #spawn(more: readonly string[] = []): void {
    this.#transcript = new Transcript();
    this.transcripts.push(this.#transcript);
    const running = spawnWalctl(["tail", ...this.options.args, ...more], {
      server: this.#server,
      env: this.proxy.env,
    });
    this.#running = running;
    running.child.once("close", (status: number | null) => {
      if (this.#running !== running || this.#stopping) return;
      this.#drain();
      this.#running = undefined;
      this.#endedByItself(running, status);
    });
  }

  #endedByItself(running: RunningWalctl, status: number | null): void {
    const started = running.stderr.search(INTERRUPTED) >= 0;
    const gap = status === 1 && MOVED.test(running.stderr);
    this.#noteGaps(running);
    const may = this.options.mayEnd?.test(running.stderr) === true || !started;
    const known = [MAY_NOT_START, this.options.mayEnd].some((words) => words?.test(running.stderr));
    if (!gap && (status !== 1 || !may || !known)) {
      this.complaints.push(`it ended by itself (${status}): ${running.stderr.slice(-500)}`);
    }
    setTimeout(() => {
      if (this.#ending || this.#running !== undefined) return;
      this.#spawn(gap ? ["--allow-gap"] : []);
    }, 200);
  }

  #noteGaps(running: RunningWalctl): void {
    for (const [, after = "", upTo = ""] of running.stderr.matchAll(MISSING)) {
      this.gaps.push({ after: parseLsn(after) ?? NONE, upTo: parseLsn(upTo) ?? NONE });
    }
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#stopping = true;
    const { status } = await running.stop(signal);
    running.resume();
    await running.exit();
    this.#drain(running);
    this.#running = undefined;
    this.#stopping = false;
    this.#noteGaps(running);
    this.reconnects += running.stderr.match(INTERRUPTED)?.length ?? 0;
    // Before it listens, a signal ends it as it ends any program.
    const early =
      status === null && running.stderr === "" && this.#transcript.committed.length === 0;
    const known = [MAY_NOT_START, MOVED, this.options.mayEnd].some((words) =>
      words?.test(running.stderr),
    );
    if (signal !== "SIGKILL" && status !== 0 && !early && !known) {
      this.complaints.push(`${signal}: exit status ${status}: ${running.stderr.slice(-500)}`);
    }
  }

  #drain(running: RunningWalctl | undefined = this.#running): void {
    for (const line of running?.lines.splice(0) ?? []) this.#transcript.take(line);
    this.options.consumer?.confirm(this.#transcript.committed.at(-1)?.endLsn);
  }
}
