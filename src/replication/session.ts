import type { Client } from "pg";
import { DecodeError, WalctlError } from "../errors.ts";
import { INVALID_LSN, type Lsn, formatLsn, maxLsn, parseLsn } from "../lsn.ts";
import type { PgoutputMessage } from "../pgoutput/messages.ts";
import { Backoff } from "./backoff.ts";
import { type BootstrapRequest, type BootstrapOutcome, bootstrap } from "./bootstrap.ts";
import type { Confirmations } from "./confirmations.ts";
import { connect, disconnect } from "./connect.ts";
import { Feedback } from "./feedback.ts";
import { Ledger } from "./ledger.ts";
import { Limits } from "./limits.ts";
import { type PgoutputOptions, formatPgoutputOptions } from "./pgoutput-options.ts";
import { Resume } from "./resume.ts";
import { SqlState, slotInUseError } from "./slot.ts";
import { NO_WALSENDER, isConnectionLost, serverError, sqlStateOf } from "./server-errors.ts";
import { quoteIdentifier, quoteLiteral } from "./sql.ts";
import { queryRows } from "./statement.ts";
import type { ConnectionTarget } from "./target.ts";
import {
  type StreamConsumer,
  type StreamEnd,
  type StreamPace,
  type StreamState,
  WalStream,
} from "./wal-stream.ts";
import { pause, unlessAborted, within } from "./within.ts";

export interface SessionOptions {
  readonly target: ConnectionTarget;
  readonly bootstrap: BootstrapRequest;
  readonly pgoutput: PgoutputOptions;
  readonly consumer: StreamConsumer;
  /** Advance the slot: past what was written, or only to what the consumer itself confirms. */
  readonly acknowledge: boolean | Confirmed;
  /** Asked at each attempt before the first start. */
  readonly startpos: () => Lsn | undefined;
  /**
   * Called once, when the slot is ours and before anything is passed on. Tells what is there already, which may be
   * more than at the time of the start: another program may have had the slot. `oldest`: what began before that
   * has ended, for the slot.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** `now`: where the server stands when it is first reached, also when the slot is waited for after that. */
  readonly endpos: Lsn | "now" | undefined;
  /** Row changes to print. */
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly reconnect: boolean;
  /** A slot that somebody else uses at the start is waited for. */
  readonly waitForSlot: boolean;
  readonly stop: AbortSignal;
  readonly news: SessionNews;
}

/** What was passed on by an earlier process. */
export interface TakenOver {
  /** All that ended before that. Undefined: nothing is known. */
  readonly endLsn: Lsn | undefined;
  /**
   * Blocks of transactions, in their order and with all ends since: of those that have not ended the server will
   * send again what is there. Read in one go.
   */
  readonly unfinished: Iterable<PgoutputMessage>;
}

/** The consumer's own confirmations. */
export interface Confirmed {
  readonly confirmations: Confirmations;
  /** Calls back for each that was taken over; returns what ends that. */
  subscribe(onConfirmed: (lsn: Lsn) => void): () => void;
}

/** What a session tells while it goes on. */
export interface SessionNews {
  warn(warning: { message: string; detail?: string; hint?: string }): void;
  notice(text: string): void;
  /** The server has accepted the start. */
  streaming(started: BootstrapOutcome, from: Lsn): void;
}

const STREAM_HINTS = {
  "42601": NO_WALSENDER,
  // The decoder sees the catalogue as it was when the change was made.
  "42704":
    "A slot sees a publication only from when it was created. If it is there now, make a new slot: walctl drop-slot SLOT, then walctl create-slot SLOT.",
  // A type without a send function, aclitem say.
  "42883": "Some type of a published table has no binary form: leave out --binary.",
};

/** How long a connection that is made again may take, and then what comes before the stream. */
const START_PATIENCE_MS = 30_000;
/** A slot that is in use is asked for at least this often. */
const SLOT_POLL_MS = 1000;

/** The stream itself has waited for the last sync: this is for its failure. */
const LAST_SYNC_MS = 300;

/** Feedback comes at least three times within wal_sender_timeout. */
const TIMEOUT_SHARE = 3;

/** How a session fares. */
export interface SessionStatus {
  readonly connected: boolean;
  /** The furthest position that the server has told of. */
  readonly received: Lsn;
  /** All before it has been written. */
  readonly written: Lsn;
  /** What the server has been told to forget. */
  readonly confirmed: Lsn;
  /** Transactions that were passed on and not confirmed. */
  readonly unacknowledged: number;
  readonly reconnects: number;
}

/**
 * Streams from the server until there is a reason to end, over as many connections as it takes. Each
 * transaction reaches the consumer whole, in order and once.
 */
export class ReplicationSession {
  readonly #options: SessionOptions;
  readonly #backoff = new Backoff();
  #state: StreamState | undefined;
  #stream: WalStream | undefined;
  #starts = 0;
  /** The temporary slot that the lost connection took with it. */
  #lostSlot: string | undefined;
  /** Who used the slot when that was last told. */
  #waitedFor: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get status(): SessionStatus {
    const state = this.#state;
    return {
      connected: this.#stream !== undefined,
      received: state?.ledger.received ?? INVALID_LSN,
      written: state?.ledger.written ?? INVALID_LSN,
      confirmed: state?.feedback.confirmed ?? INVALID_LSN,
      unacknowledged: state?.ledger.undelivered ?? 0,
      reconnects: Math.max(0, this.#starts - 1),
    };
  }

  /** @throws WalctlError, or what the consumer throws */
  async run(): Promise<StreamEnd> {
    const { acknowledge } = this.#options;
    if (typeof acknowledge === "boolean") return this.#loop();
    const unsubscribe = acknowledge.subscribe((lsn) => this.#confirmed(lsn));
    return this.#loop().finally(unsubscribe);
  }

  async #loop(): Promise<StreamEnd> {
    const { stop } = this.#options;
    for (;;) {
      try {
        return await this.#attempt();
      } catch (error) {
        if (stop.aborted && isFarewell(error)) return "stopped";
        if (!this.#mayTryAgain(error)) throw explain(error);
        await pause(this.#announce(error), stop);
      }
      if (stop.aborted) return "stopped";
    }
  }

  /** Before the first start a new user should read at once what is wrong. */
  #mayTryAgain(error: unknown): boolean {
    const { reconnect, waitForSlot } = this.#options;
    // Later it may be our own session before that holds it, which the server does not know to be gone.
    if (isSlotInUse(error)) return this.#starts > 0 ? reconnect : waitForSlot;
    return this.#state !== undefined && reconnect && isConnectionLost(error);
  }

  /** Tells why the stream does not go on, and returns how long to wait before the next attempt. */
  #announce(error: unknown): number {
    const delayMs = this.#backoff.nextMs();
    const inUse = isSlotInUse(error);
    const message = inUse
      ? `waiting for the slot: ${reasonOf(error)}`
      : `lost the connection to the server: ${reasonOf(error)}`;
    const again = `Connecting again in ${(delayMs / 1000).toFixed(1)} s.`;
    const detail = inUse && error instanceof WalctlError ? error.detail : again;
    // One who waits for hours is told once who it is that he waits for.
    if (!inUse || detail !== this.#waitedFor)
      this.#options.news.warn({ message, ...(detail === undefined ? {} : { detail }) });
    this.#waitedFor = inUse ? detail : undefined;
    return inUse ? Math.min(delayMs, SLOT_POLL_MS) : delayMs;
  }

  /** The consumer has confirmed it; should nobody be connected, the next status says so. */
  #confirmed(lsn: Lsn): void {
    this.#state?.ledger.deliver(lsn);
    this.#stream?.confirmNow();
  }

  async #attempt(): Promise<StreamEnd> {
    const { target, news, stop, pgoutput, bootstrap: bootstrapOptions } = this.#options;
    const again = this.#starts > 0;
    const client = await connect(again ? withPatience(target) : target, "logical");
    // Once it has streamed nobody watches: what a network swallows before the stream starts is tried again.
    const patience =
      again && bootstrapOptions.slot !== undefined
        ? setTimeout(() => client.connection.stream.destroy(), START_PATIENCE_MS)
        : undefined;
    client.on("notice", (notice) => {
      const text = `${notice.message} (SQLSTATE ${notice.code ?? "00000"})`;
      if (notice.severity === "WARNING") news.warn({ message: `server: ${text}` });
      else news.notice(`server: ${text}`);
    });
    try {
      const started = await bootstrap(client, target, {
        ...bootstrapOptions,
        // Once it has streamed, a slot that is gone is an error: a new one would have a gap.
        createMissing: this.#state === undefined && bootstrapOptions.createMissing,
      });
      const state = (this.#state ??= await this.#open(client));
      const from = await this.#startOf(client, state, started);
      const statement = `START_REPLICATION SLOT ${quoteIdentifier(started.slotName)} LOGICAL ${formatLsn(from)} (${formatPgoutputOptions(pgoutput, started.serverVersion)})`;
      const pace = await this.#pace(client);
      const oldest = again ? INVALID_LSN : await readRestartLsn(client, started.slotName);
      const stream = new WalStream(statement, target, state, () => {
        clearTimeout(patience);
        this.#backoff.reset();
        if (this.#starts++ === 0) {
          this.#takeOver(state, from, oldest);
        }
        news.streaming(started, from);
      });
      this.#stream = stream;
      try {
        const end = await stream.run(client, pace, stop);
        // What could not be made durable for the last status: the stream had its end by then, and cannot tell.
        await within(state.consumer.sync(), LAST_SYNC_MS);
        return end;
      } catch (error) {
        if (sqlStateOf(error) !== SqlState.objectInUse) throw error;
        throw await slotInUseError(client, target, started.slotName, error);
      } finally {
        this.#stream = undefined;
        // What was handed over is written before anything else is, on this connection or the next.
        await unlessAborted(stream.pending, stop);
        state.ledger.disconnect();
        state.resume.disconnect();
        if (started.temporary) this.#lostSlot = started.slotName;
      }
    } finally {
      clearTimeout(patience);
      await disconnect(client);
    }
  }

  #takeOver(state: StreamState, from: Lsn, oldest: Lsn): void {
    const { endLsn, unfinished } = this.#options.takeOver(oldest);
    for (const message of unfinished) state.resume.repeats(message);
    state.resume.disconnect();
    if (endLsn !== undefined && endLsn > from) state.resume.skip(endLsn);
    state.ledger.startAt(maxLsn(from, endLsn ?? from));
  }

  async #open(client: Client): Promise<StreamState> {
    const { consumer, acknowledge, endpos, limit } = this.#options;
    const last = endpos === "now" ? await readCurrentLsn(client) : endpos;
    return {
      consumer,
      ledger: new Ledger(),
      feedback: new Feedback(acknowledge !== false),
      confirmations: typeof acknowledge === "boolean" ? undefined : acknowledge.confirmations,
      resume: new Resume(),
      limits: new Limits({ endpos: last, rows: limit }),
    };
  }

  /** Where the slot stands, or behind the last commit that was passed on. */
  async #startOf(client: Client, state: StreamState, started: BootstrapOutcome): Promise<Lsn> {
    const { news } = this.#options;
    const passedOn = state.ledger.mark();
    if (this.#lostSlot !== undefined) {
      news.warn({
        message: `what committed between ${formatLsn(passedOn)} and now is missing`,
        detail: `The temporary slot "${this.#lostSlot}" went with the connection.`,
        hint: "A slot of its own (--slot) keeps the log while nobody is connected.",
      });
      return INVALID_LSN;
    }
    if (state.ledger.next > INVALID_LSN) return state.ledger.next;
    const startpos = this.#options.startpos();
    if (startpos === undefined) return INVALID_LSN;
    const current = await readCurrentLsn(client);
    if (startpos > current) {
      // The server would wait in silence, and leave out all that commits meanwhile.
      throw new WalctlError(
        `the start position ${formatLsn(startpos)} is beyond the server's own, ${formatLsn(current)}`,
        { hint: "Is it another server's? Leave --startpos out, or give --output another file." },
      );
    }
    const confirmed = parseLsn(started.slotPosition);
    if (confirmed !== undefined && startpos < confirmed) {
      news.warn({
        message: `the slot has been advanced to ${formatLsn(confirmed)}, beyond the start position ${formatLsn(startpos)}`,
        detail:
          "The server does not send again what was confirmed: the stream starts where the slot stands.",
      });
    }
    return startpos;
  }

  async #pace(client: Client): Promise<StreamPace> {
    const rows = await queryRows<{ setting: string }>(
      client,
      "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
      "read wal_sender_timeout",
    );
    const walSenderTimeoutMs = Number(rows[0]?.setting ?? 0);
    const { statusIntervalMs } = this.#options;
    const shareMs = walSenderTimeoutMs > 0 ? walSenderTimeoutMs / TIMEOUT_SHARE : Infinity;
    return { walSenderTimeoutMs, statusIntervalMs: Math.min(statusIntervalMs, shareMs) };
  }
}

async function readCurrentLsn(client: Client): Promise<Lsn> {
  // On a standby what is replayed is what can be decoded.
  const rows = await queryRows<{ lsn: string }>(
    client,
    `SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
      ELSE pg_catalog.pg_current_wal_lsn() END - '0/0') AS lsn`,
    "read the server's position",
  );
  return BigInt(rows[0]?.lsn ?? "0") as Lsn;
}

/** No transaction that the slot has yet to send the end of began before that. */
async function readRestartLsn(client: Client, slotName: string): Promise<Lsn> {
  const rows = await queryRows<{ lsn: string | null }>(
    client,
    `SELECT restart_lsn::text AS lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = ${quoteLiteral(slotName)}`,
    `read slot "${slotName}"`,
  );
  return parseLsn(rows[0]?.lsn ?? "") ?? INVALID_LSN;
}

/** libpq's default is to wait for ever, which is right for somebody who watches. */
function withPatience(target: ConnectionTarget): ConnectionTarget {
  const { connectTimeoutMs } = target;
  return connectTimeoutMs > 0 ? target : { ...target, connectTimeoutMs: START_PATIENCE_MS };
}

function isSlotInUse(error: unknown): boolean {
  return sqlStateOf(error) === SqlState.objectInUse;
}

/**
 * What leaving brings about: the connection is gone, or the server cancelled what we were at. Anything else, such as
 * an output that cannot be written, is told to whoever stopped us too: not all that he thinks is out may be.
 */
function isFarewell(error: unknown): boolean {
  return isConnectionLost(error) || sqlStateOf(error) === SqlState.queryCanceled;
}

function reasonOf(error: unknown): string {
  const state = sqlStateOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return state === undefined || error instanceof WalctlError
    ? message
    : `${message} (SQLSTATE ${state})`;
}

/** @throws the error itself, when it is not the server's: the consumer's, or a bug */
function explain(error: unknown): WalctlError {
  if (error instanceof DecodeError) {
    return new WalctlError(`the server sent a message that cannot be decoded: ${error.message}`, {
      detail: "All before it has been printed, and the slot was not advanced past that.",
      cause: error,
    });
  }
  return serverError(error, "stream the changes", STREAM_HINTS);
}
