import type { Client } from "pg";
import { INVALID_LSN, type Lsn, formatLsn, maxLsn, parseLsn } from "../../lsn.ts";
import { AnchorCheck } from "./anchor-check.ts";
import type { BootstrapOutcome } from "./bootstrap.ts";
import {
  type Received,
  type Standing,
  type Start,
  findGap,
  gapWithoutAnchor,
  isRewound,
  usableAnchor,
} from "./continuity.ts";
import { ofConsumer } from "./consumer.ts";
import { GapError, warnOfGap } from "./gap-error.ts";
import { Interruption } from "../query/causes.ts";
import { type LogIdentity, identifyServer } from "./server-identity.ts";
import type { SessionNews, SessionOptions } from "./options.ts";
import { chooseStart, isInRecovery } from "./position.ts";
import type { StreamState } from "./state.ts";

interface CheckedStart extends Start {
  readonly check: AnchorCheck | undefined;
}

const NOTHING: Received = { passed: INVALID_LSN, end: INVALID_LSN, messageLsn: INVALID_LSN };

/**
 * At each start, compares the server and the slot with what was received before. START_REPLICATION at a position
 * silently skips everything that committed before it, whatever server that now is.
 */
export class Continuation {
  readonly #options: SessionOptions;
  /** The log that was streamed last; undefined before the first start. */
  #log: LogIdentity | undefined;
  /** No transaction that ended before it is missing. */
  #complete: Lsn | undefined;
  /** Where to continue if what was received belongs to another log and the user accepts that. */
  #afreshFrom: Lsn | undefined;
  /** Up to where the stream was received when the start was chosen. */
  #end = INVALID_LSN;
  /** The temporary slot that ended with the lost connection. */
  #lostSlot: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * @throws GapError for changes that would be skipped, unless that is allowed; an Interruption (standbyBehind) if it is
   * too early to decide
   */
  async choose(
    client: Client,
    state: StreamState,
    started: BootstrapOutcome,
  ): Promise<CheckedStart> {
    const server = await identifyServer(client);
    const slotPosition = parseLsn(started.slotPosition) ?? INVALID_LSN;
    const { slotName, temporary, twoPhase } = started;
    const { database } = this.#options.target;
    const standing = { server, database, slotName, temporary, twoPhase, slotPosition };
    if (this.#lostSlot !== undefined) warnOfLostSlot(this.#options.news, state, this.#lostSlot);
    if (this.#afreshFrom !== undefined) return afresh(standing, this.#afreshFrom);
    if (this.#lostSlot !== undefined) return afresh(standing);
    const received = this.#received(state);
    this.#end = received.end;
    const gap = findGap(received, standing);
    if (gap !== undefined) {
      if (received.passed >= server.position) await requireNoStandby(client, received, standing);
      const error = new GapError(gap);
      // A temporary slot starts now, whatever was received before.
      if (!this.#options.allowGap && !temporary) throw error;
      warnOfGap(this.#options.news, error);
      return afresh(standing, gap.from);
    }
    if (isRewound(received, standing) && !(await isInRecovery(client))) {
      warnOfRewinding(this.#options.news, received, standing);
    }
    return await this.#goOn(client, received, standing);
  }

  /**
   * Call it when the server has accepted the start: this process holds the slot, and what is received from now on belongs
   * to this log.
   */
  begin(start: Start, state: StreamState, oldest: Lsn): void {
    const { standing, from, gap } = start;
    const { server, slotPosition } = standing;
    if (this.#log === undefined) this.#takeOver(start, state, oldest);
    if (gap) state.ledger.startAt(from);
    const before = gap ? INVALID_LSN : (this.#complete ?? INVALID_LSN);
    this.#log = server;
    // A server restored from an older state says nothing about what lies beyond its position.
    const still = before > server.position ? INVALID_LSN : before;
    this.#complete = maxLsn(still, maxLsn(slotPosition, from));
    this.#afreshFrom = undefined;
    this.#lostSlot = undefined;
    this.#options.started(start);
  }

  #takeOver({ from, gap }: Start, { resume, ledger }: StreamState, oldest: Lsn): void {
    const { mark, unfinished } = this.#options.takeOver(oldest);
    // FILE's content belongs to a different log.
    if (gap) return;
    for (const part of unfinished) resume.recall(part);
    resume.disconnect();
    if (mark !== undefined) resume.skip(mark);
    ledger.startAt(maxLsn(from, mark?.endLsn ?? from));
  }

  /** Call it when the connection is lost. */
  end(state: StreamState, { temporary, slotName }: BootstrapOutcome): void {
    if (this.#complete !== undefined) this.#complete = maxLsn(this.#complete, state.ledger.mark());
    if (temporary) this.#lostSlot = slotName;
  }

  /** The next start, at `from`, ignores everything received; 0/0: at the slot's position. */
  forget(from = INVALID_LSN): void {
    this.#afreshFrom = from;
  }

  /** Before the first start: whether another process has written FILE since it was read. */
  get isStale(): boolean {
    const now = this.#log === undefined ? ofConsumer(this.#options.received) : undefined;
    return now !== undefined && now.end !== this.#end;
  }

  #received(state: StreamState): Received {
    if (this.#log === undefined) return ofConsumer(this.#options.received) ?? NOTHING;
    const { ledger, resume, feedback } = state;
    return {
      log: this.#log,
      passed: resume.passed,
      end: ledger.next,
      messageLsn: resume.mark(ledger.next).messageLsn,
      complete: this.#complete,
      confirmed: feedback.confirmed,
      anchor: resume.anchor,
    };
  }

  async #goOn(client: Client, received: Received, standing: Standing): Promise<CheckedStart> {
    const { news, startpos } = this.#options;
    const { slotPosition } = standing;
    const { end } = received;
    const first = this.#log === undefined;
    if (first && startpos !== undefined && startpos > end) {
      const from = await chooseStart(client, startpos, slotPosition, news);
      return { from, standing, check: undefined, gap: false };
    }
    if (first && received.complete === undefined) warnOfAdvance(news, end, slotPosition);
    const anchor = usableAnchor(received, standing);
    if (first) this.#complete = received.complete;
    const check = anchor && new AnchorCheck(anchor, gapWithoutAnchor(received, standing));
    // What ended before a message outside of transactions was sent before it.
    const from = anchor?.commitLsn ?? maxLsn(end, received.messageLsn);
    return { from, standing, check, gap: false };
  }
}

function afresh(standing: Standing, from = INVALID_LSN): CheckedStart {
  return { from, standing, check: undefined, gap: true };
}

/** After a restart a standby is behind only until it has replayed its WAL again. */
async function requireNoStandby(
  client: Client,
  { passed }: Received,
  { server }: Standing,
): Promise<void> {
  if (!(await isInRecovery(client))) return;
  throw new Interruption(
    "standbyBehind",
    `it has replayed its log up to ${formatLsn(server.position)}, and ${formatLsn(passed)} has been received`,
  );
}

function warnOfLostSlot(news: SessionNews, { ledger }: StreamState, slot: string): void {
  news.warn({
    message: `what committed between ${formatLsn(ledger.mark())} and now is missing`,
    detail: `The temporary slot "${slot}" went with the connection.`,
    hint: "A slot of its own (--slot) keeps the log while nobody is connected.",
  });
}

function warnOfRewinding(news: SessionNews, received: Received, { server }: Standing): void {
  const complete = formatLsn(received.complete ?? INVALID_LSN);
  news.warn({
    message: `the server is at ${formatLsn(server.position)}, and walctl has seen it at ${complete}: the server was restored from an older state`,
    detail:
      "Every transaction that was received whole is there, and nothing is skipped. One that was still open may be rolled back there.",
  });
}

/** FILE alone does not show what was acknowledged. */
function warnOfAdvance(news: SessionNews, end: Lsn, slotPosition: Lsn): void {
  if (end === INVALID_LSN || slotPosition <= end) return;
  news.warn({
    message: `the slot is at ${formatLsn(slotPosition)}, beyond the end of the file's last transaction, ${formatLsn(end)}`,
    detail:
      "The stream goes on where the slot stands. If another program advanced it, what committed in between is missing.",
  });
}
