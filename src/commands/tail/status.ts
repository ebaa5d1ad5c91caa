import { INVALID_LSN, type Lsn, formatLsn, maxLsn } from "../../lsn.ts";
import { formatByteCount } from "../../byte-count.ts";
import type { StatusLine } from "../../output/status-line.ts";
import type { SessionStatus } from "../../server/start/options.ts";
import { within } from "../../server/connection/within.ts";
import type { CommandContext } from "../../program/context.ts";
import type { Pipeline } from "../../messages/pipeline/pipeline.ts";
import { logLine } from "../../program/reporter.ts";
import type { ServerPosition } from "./server-position.ts";

const TICK_MS = 1000;
/** How often the status line asks for the server's position. */
const ASK_INTERVAL_MS = 5000;
/** How long the answer to SIGUSR1 waits for the server's position. */
const ANSWER_PATIENCE_MS = 2000;
/** How much of the rate at which the log is read is of the last second: it comes in bursts. */
const PACE_WEIGHT = 0.3;
/** Older positions are shown with their age: the server may have written more since. */
const FRESH_MS = 1500;

interface StatusParts {
  readonly session: { readonly status: SessionStatus };
  readonly pipeline: Pipeline;
  readonly server: ServerPosition;
  readonly context: CommandContext;
  /** Undefined if there is no terminal, or another program may print on it. */
  readonly line: StatusLine | undefined;
  readonly quiet: boolean;
  /** Says the end of a service. Undefined: it is the end that was asked for. */
  readonly stopped?: ((text: string) => void) | undefined;
  readonly acknowledge: boolean;
  /** What the renderer has to print although nothing comes. */
  readonly tick?: (() => Uint8Array) | undefined;
  /** What the renderer has in progress and has not printed. */
  readonly live: () => string | undefined;
  /** The same as lines that are drawn in place. */
  readonly liveLines?: (() => readonly string[]) | undefined;
}

/** Reports tail's progress: on SIGUSR1, as a line at the bottom of a terminal, and at the end. */
export class TailStatus {
  readonly #parts: StatusParts;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #unsubscribe: () => void;
  #rows = 0;
  #rowsPerSecond = 0;
  /** All that the server had at that time has been printed. */
  #upToDateUnixMs = -Infinity;
  #last: Lsn | undefined;
  #bytesPerSecond = 0;
  #moves = false;
  #since = performance.now();
  #ended = false;

  constructor(parts: StatusParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    this.#unsubscribe = parts.context.onSignal("SIGUSR1", () => void this.#print());
  }

  /** Ends the reports with a summary, if there is something to report. Later calls do nothing. */
  end(withSummary = true): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#parts.line?.clear();
    const { received, written, confirmed } = this.#parts.session.status;
    if (!withSummary || this.#parts.quiet) return;
    // Before the end of the first transaction there is no position.
    if (received === INVALID_LSN || written === INVALID_LSN) {
      if (this.#parts.session.status.started) this.#parts.stopped?.("nothing was printed");
      return;
    }
    const acknowledged = this.#parts.acknowledge
      ? `acknowledged up to ${formatLsn(confirmed)}`
      : "nothing acknowledged (no --ack)";
    const text = `printed up to ${formatLsn(written)}, ${acknowledged}`;
    if (this.#parts.stopped === undefined) this.#write(`walctl: ${text}\n`);
    else this.#parts.stopped(text);
  }

  #tick(): void {
    const now = performance.now();
    const { session, pipeline, line } = this.#parts;
    const { rows } = pipeline;
    this.#rowsPerSecond = ((rows - this.#rows) * 1000) / (now - this.#since);
    this.#rows = rows;
    const reached = this.#reached();
    const { known } = this.#parts.server;
    if (known !== undefined && this.#behind() === 0n) {
      this.#upToDateUnixMs = Date.now() - (now - known.askedMs);
    }
    if (this.#last !== undefined && this.#last !== INVALID_LSN) {
      const pace = (Number(reached - this.#last) * 1000) / (now - this.#since);
      const last = this.#bytesPerSecond || pace;
      this.#bytesPerSecond = last + (pace - last) * PACE_WEIGHT;
      this.#moves = pace > 0;
    }
    this.#last = reached;
    this.#since = now;
    if (this.#parts.context.stdout.stream.writableLength === 0) this.#printDue();
    // Until the session has started, a spinner may use the line.
    if (!session.status.started || line === undefined) return;
    line.show(`-- ${this.#describeBriefly()}`, this.#parts.liveLines?.());
    void this.#parts.server.ask(ASK_INTERVAL_MS);
  }

  /** The bytes are copied: what comes next is rendered into the same memory. */
  #printDue(): void {
    const due = this.#parts.tick?.().slice();
    if (due === undefined || due.length === 0) return;
    const { line, context } = this.#parts;
    context.stdout.stream.write(line === undefined ? due : line.above(due));
  }

  async #print(): Promise<void> {
    await within(this.#parts.server.ask(0), ANSWER_PATIENCE_MS);
    this.#parts.line?.clear();
    this.#write(`walctl: ${logLine(this.#describe(), this.#parts.context.stderr)}\n`);
  }

  #write(text: string): void {
    this.#parts.context.stderr.stream.write(text);
  }

  /** Leaves out what is normal: a terminal may be narrow. */
  #describeBriefly(): string {
    const { written, unacknowledged, reconnects } = this.#parts.session.status;
    const facts = [
      this.#describeOutage(),
      this.#parts.live(),
      `at ${formatLsn(written)}`,
      this.#describeDistance(),
      `${Math.round(this.#rowsPerSecond)} rows/s`,
      this.#describeEnd(),
      this.#parts.acknowledge && unacknowledged > 0
        ? `${unacknowledged} unacknowledged`
        : undefined,
      reconnects > 0 ? reconnectsText(reconnects) : undefined,
    ];
    return facts.filter((fact) => fact !== undefined).join(", ");
  }

  #describe(): string {
    const { written, unacknowledged, reconnects } = this.#parts.session.status;
    const facts = [
      `at ${formatLsn(written)}`,
      this.#describeLag(),
      `${Math.round(this.#rowsPerSecond)} rows/s`,
      `${unacknowledged} unacknowledged transactions`,
      reconnectsText(reconnects),
    ];
    return [this.#describeOutage(), ...facts].filter((fact) => fact !== undefined).join(", ");
  }

  #describeOutage(): string | undefined {
    const { connected, attempts } = this.#parts.session.status;
    if (connected) return undefined;
    return attempts > 1 ? `not connected, attempt ${attempts}` : "not connected";
  }

  /** Undefined if it is not known. "Up to date" refers to the moment of the query. */
  #describeDistance(): string | undefined {
    const behind = this.#behind();
    const since = this.#behindSinceMs();
    // While nothing is printed, nothing tells when what follows was committed.
    const seconds =
      since === undefined || this.#rowsPerSecond === 0
        ? ""
        : ` and ${formatSeconds((Date.now() - since) / 1000)}`;
    if (behind > 0n) return `${formatByteCount(Number(behind))}${seconds} behind`;
    const { known } = this.#parts.server;
    if (known === undefined) return undefined;
    const ageMs = performance.now() - known.askedMs;
    if (ageMs < FRESH_MS && !this.#moves) return "up to date";
    return `up to date ${Math.max(1, Math.round(ageMs / 1000))} s ago`;
  }

  /** With --endpos: when it will be reached, at the pace of the last seconds. */
  #describeEnd(): string | undefined {
    const { endpos } = this.#parts.session.status;
    const reached = this.#reached();
    if (endpos === undefined || endpos <= reached || !this.#moves) return undefined;
    return `ends in about ${formatSeconds(Number(endpos - reached) / this.#bytesPerSecond)}`;
  }

  /** The bytes to the server's position, and the seconds since the last printed transaction committed. */
  #describeLag(): string {
    const bytes = this.#behind();
    const since = this.#behindSinceMs();
    const seconds = bytes === 0n || since === undefined ? 0 : (Date.now() - since) / 1000;
    const { known } = this.#parts.server;
    const isNow = known !== undefined && performance.now() - known.askedMs < FRESH_MS;
    return `${isNow ? "" : "at least "}${bytes} bytes and ${Math.max(0, seconds).toFixed(1)} s behind`;
  }

  /**
   * When the last printed transaction committed, or later, when there was nothing behind it: after hours in which nothing
   * happened it is not hours behind.
   */
  #behindSinceMs(): number | undefined {
    const { lastCommitUnixMs } = this.#parts.pipeline;
    return lastCommitUnixMs === undefined
      ? undefined
      : Math.max(lastCommitUnixMs, this.#upToDateUnixMs);
  }

  /** A lower bound: the server may have written more since. */
  #behind(): bigint {
    const { received, written } = this.#parts.session.status;
    const end: Lsn = maxLsn(received, this.#parts.server.known?.lsn ?? received);
    const start = maxLsn(written, this.#parts.pipeline.rowPosition ?? written);
    return end > start ? end - start : 0n;
  }

  /** How far the log has been read. Within a large transaction its rows show it. */
  #reached(): Lsn {
    const { received } = this.#parts.session.status;
    return maxLsn(received, this.#parts.pipeline.rowPosition ?? received);
  }
}

function reconnectsText(count: number): string {
  return count === 1 ? "1 reconnect" : `${count} reconnects`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h` */
export function formatSeconds(seconds: number): string {
  const count = Math.max(0, seconds);
  if (count < 10) return `${count.toFixed(1)} s`;
  if (count < 120) return `${Math.round(count)} s`;
  return count < 7200 ? `${Math.round(count / 60)} min` : `${Math.round(count / 3600)} h`;
}
