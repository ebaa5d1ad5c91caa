import { INVALID_LSN, type Lsn, formatLsn } from "../lsn.ts";
import { formatByteCount } from "../byte-count.ts";
import type { Sink } from "../output/sink.ts";
import { StatusLine } from "../output/status-line.ts";
import type { SessionStatus } from "../replication/session-options.ts";
import type { CommandContext } from "./context.ts";
import type { Pipeline } from "./pipeline.ts";

const TICK_MS = 1000;

interface StatusParts {
  readonly session: () => SessionStatus;
  readonly pipeline: () => Pipeline;
  readonly context: CommandContext;
  readonly quiet: boolean;
  readonly acknowledge: boolean;
  /** Nobody else prints on the terminal that standard error is: a pipe may lead back to it. */
  readonly alone: boolean;
  /** What the renderer is at, where it does not print it. */
  readonly live: () => string | undefined;
}

/** How tail fares: on SIGUSR1, as a line at the bottom of a terminal, and at the end. */
export class TailStatus {
  readonly #parts: StatusParts;
  readonly #line: StatusLine | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #unsubscribe: () => void;
  #rows = 0;
  #rowsPerSecond = 0;
  #since = performance.now();
  #streaming = false;

  constructor(parts: StatusParts) {
    this.#parts = parts;
    const { stderr, onSignal } = parts.context;
    if (stderr.isTerminal && parts.alone && !parts.quiet) {
      this.#line = new StatusLine(stderr.stream, () => stderr.width() ?? 80);
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    this.#unsubscribe = onSignal("SIGUSR1", () => this.#print());
  }

  /** From now on there is something to tell; until then a spinner may have the line. */
  streaming(): void {
    this.#streaming = true;
  }

  /** What is written there goes to the terminal that the line is on: above the line. */
  above(sink: Sink): Sink {
    const line = this.#line;
    if (line === undefined) return sink;
    return { write: (bytes) => sink.write(line.above(bytes)), sync: () => sink.sync() };
  }

  /** To be called before anything else is printed: it may be the same terminal. */
  clearLine(): void {
    this.#line?.clear();
  }

  /** Ends it with a summary, if there is somebody to read it and something to tell. */
  end(withSummary: boolean): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.clearLine();
    const { received, written, confirmed } = this.#parts.session();
    if (!withSummary || this.#parts.quiet || received === INVALID_LSN) return;
    const acknowledged = this.#parts.acknowledge
      ? `acknowledged up to ${formatLsn(confirmed)}`
      : "nothing acknowledged (no --ack)";
    this.#write(`walctl: printed up to ${formatLsn(written)}, ${acknowledged}\n`);
  }

  #tick(): void {
    const now = performance.now();
    const { rows } = this.#parts.pipeline();
    this.#rowsPerSecond = ((rows - this.#rows) * 1000) / (now - this.#since);
    this.#rows = rows;
    this.#since = now;
    if (this.#streaming) this.#line?.show(`-- ${this.#describeBriefly()}`);
  }

  #print(): void {
    this.clearLine();
    this.#write(`walctl: ${this.#describe()}\n`);
  }

  #write(text: string): void {
    this.#parts.context.stderr.stream.write(text);
  }

  /** What is as it should be goes without saying: a terminal may be narrow. */
  #describeBriefly(): string {
    const { written, received, unacknowledged, reconnects, connected } = this.#parts.session();
    const behind = received > written ? Number(received - written) : 0;
    const facts = [
      connected ? undefined : "not connected",
      this.#parts.live(),
      `at ${formatLsn(written)}`,
      behind === 0 ? "up to date" : `${formatByteCount(behind)} behind`,
      `${Math.round(this.#rowsPerSecond)} rows/s`,
      this.#parts.acknowledge && unacknowledged > 0
        ? `${unacknowledged} unacknowledged`
        : undefined,
      reconnects > 0 ? `${reconnects} reconnects` : undefined,
    ];
    return facts.filter((fact) => fact !== undefined).join(", ");
  }

  #describe(): string {
    const { written, received, unacknowledged, reconnects, connected } = this.#parts.session();
    const facts = [
      `at ${formatLsn(written)}`,
      this.#describeLag(written, received),
      `${Math.round(this.#rowsPerSecond)} rows/s`,
      `${unacknowledged} unacknowledged transactions`,
      `${reconnects} reconnects`,
    ];
    if (!connected) facts.unshift("not connected");
    return facts.join(", ");
  }

  /** Behind what the server has told of; seconds since the last transaction that was printed committed. */
  #describeLag(written: Lsn, received: Lsn): string {
    const bytes = received > written ? received - written : 0n;
    const { lastCommitUnixMs } = this.#parts.pipeline();
    const seconds =
      bytes === 0n || lastCommitUnixMs === undefined ? 0 : (Date.now() - lastCommitUnixMs) / 1000;
    return `${bytes} bytes and ${Math.max(0, seconds).toFixed(1)} s behind`;
  }
}
