/** One slot and its consumer: a walctl that is killed and started again, and the reader of what it prints. */
import { setTimeout as sleep } from "node:timers/promises";
import { INVALID_LSN as NONE, type Lsn, parseLsn } from "../../src/lsn.ts";
import { type RunningWalctl, spawnWalctl } from "../support/program/cli.ts";
import { FaultProxy } from "../support/server/proxy.ts";
import type { TestServer } from "../support/server/server.ts";
import type { AckConsumer } from "./ack-consumer.ts";
import { lastLine, readOutput, readOutputs, sizeOf } from "./output-file.ts";
import { Transcript } from "./transcript.ts";

export interface SubjectOptions {
  readonly name: string;
  /** Of the next process. */
  readonly args: () => readonly string[];
  /** Its slot decodes at PREPARE TRANSACTION. */
  readonly twoPhase?: boolean;
  /** The FILE of --output. */
  readonly file?: string;
  /** Without --ack and FILE each process prints everything since the slot began. */
  readonly fromStart?: boolean;
  /** Lines that show where transactions end are left out. */
  readonly rowsOnly?: boolean;
  readonly unix: boolean;
  /** FILE may be taken away: what of it was there by then. Then each transaction is there at least once. */
  readonly retired?: Array<() => Transcript>;
  /** Where FILE was renamed to, in order: together they hold each transaction once. */
  readonly rotated?: string[];
  /** With such last words it may end by itself. */
  readonly mayEnd?: RegExp;
  /** Confirms what was printed. */
  readonly consumer?: AckConsumer;
}

/** What the slot had confirmed while such a process was the last one, and how long FILE was by then, with those before it. */
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
  /** Where its slot began. */
  readonly since: Lsn;
  readonly transcripts: Transcript[] = [];
  readonly samples: Sample[] = [];
  /** The first process with --two-phase. */
  firstTwoPhase = Infinity;
  readonly gaps: SaidGap[] = [];
  /** What it did that it should not have done. */
  readonly complaints: string[] = [];
  /** It has ended in a way that it should not have, and stays so. */
  broken = false;
  reconnects = 0;
  readonly warnings: string[] = [];
  readonly #server: TestServer;
  #running: RunningWalctl | undefined;
  #transcript = new Transcript();
  #ending = false;
  #stopping = false;
  readonly #draining: NodeJS.Timeout;

  static async start(server: TestServer, options: SubjectOptions): Promise<Subject> {
    const twoPhase = options.twoPhase === true ? ", false, true" : "";
    // It waits for the transactions that are open.
    const client = await server.connect();
    const { rows } = await client.query<{ lsn: string }>(
      `SELECT lsn::text FROM pg_create_logical_replication_slot('${options.name}', 'pgoutput'${twoPhase})`,
    );
    await client.end();
    const since = parseLsn(rows[0]?.lsn ?? "") ?? NONE;
    return new Subject(server, options, since, await FaultProxy.start(server, options));
  }

  private constructor(server: TestServer, options: SubjectOptions, since: Lsn, proxy: FaultProxy) {
    this.#server = server;
    this.options = options;
    this.since = since;
    this.proxy = proxy;
    this.#spawn();
    this.#draining = setInterval(() => this.#drain(), DRAIN_MS);
  }

  /** Of each process what could be read of it, or of all together what FILE holds now. */
  outputs(): readonly Transcript[] {
    const { file, rotated } = this.options;
    if (file === undefined) return this.transcripts;
    if (rotated !== undefined) return [readOutputs(rotated, file)];
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
    const { file, rotated = [] } = this.options;
    const files = file === undefined ? [] : [...rotated, file];
    const fileBytes = files.reduce((sum, path) => sum + sizeOf(path), 0);
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
    if (signal === "SIGHUP") {
      if (this.options.file !== undefined) this.#running?.signal(signal);
      return;
    }
    // Before it listens, it would end it as it ends any program.
    const listens =
      this.#transcript.committed.length > 0 || this.lastWords.search(INTERRUPTED) >= 0;
    if (listens) this.#running?.signal(signal);
  }

  /** Ends the process, reads what it has left in the pipe, and starts another one. */
  async restart(signal: "SIGKILL" | "SIGTERM" | "SIGINT", pauseMs: number): Promise<void> {
    await this.#stop(signal);
    await sleep(pauseMs);
    if (!this.#ending && !this.broken && this.#running === undefined) this.#spawn();
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.proxy.flow();
    await this.#stop("SIGTERM");
    clearInterval(this.#draining);
    await this.proxy.close();
  }

  #spawn(more: readonly string[] = []): void {
    const { fromStart } = this.options;
    this.#transcript = new Transcript(fromStart === true ? undefined : this.#transcript);
    const args = this.options.args();
    if (args.includes("--two-phase"))
      this.firstTwoPhase = Math.min(this.firstTwoPhase, this.transcripts.length);
    this.transcripts.push(this.#transcript);
    const running = spawnWalctl(["tail", ...args, ...more], {
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
    this.#note(running);
    const may = this.options.mayEnd?.test(running.stderr) === true || !started;
    const known = [MAY_NOT_START, this.options.mayEnd].some((words) => words?.test(running.stderr));
    // SIGHUP ends it as it ends any program before it listens, and when it has given up.
    const early = running.child.signalCode === "SIGHUP" && (running.stderr === "" || known);
    if (!gap && !early && (status !== 1 || !may || !known)) {
      this.complaints.push(`it ended by itself (${status}): ${running.stderr.slice(-700)}`);
      this.broken = true;
      return;
    }
    setTimeout(() => {
      if (this.#ending || this.#running !== undefined) return;
      this.#spawn(gap ? ["--allow-gap"] : []);
    }, 200);
  }

  #note(running: RunningWalctl): void {
    this.warnings.push(...(running.stderr.match(/^walctl: warning: .*/gm) ?? []));
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
    this.#note(running);
    this.reconnects += running.stderr.match(INTERRUPTED)?.length ?? 0;
    // Before tail listens, a signal ends it as it ends any program.
    const early =
      this.#transcript.committed.length === 0 &&
      (status === null ? running.stderr === "" : running.stderr === "walctl: error: interrupted\n");
    const known = [MAY_NOT_START, MOVED, this.options.mayEnd].some((words) =>
      words?.test(running.stderr),
    );
    if (signal !== "SIGKILL" && status !== 0 && !early && !known) {
      this.complaints.push(`${signal}: exit status ${status}: ${running.stderr.slice(-700)}`);
    }
  }

  #drain(running: RunningWalctl | undefined = this.#running): void {
    for (const line of running?.lines.splice(0) ?? []) this.#transcript.take(line);
    this.options.consumer?.confirm(this.#transcript.committed.at(-1)?.endLsn);
  }
}
