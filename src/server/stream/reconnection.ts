import type { Cause } from "../query/causes.ts";

/** What counts when an attempt to stream has failed. */
export interface Situation {
  /** The server has been reached: before that a new user should see errors at once. */
  readonly reached: boolean;
  /** The server has accepted a start: its process for our own lost connection may still hold the slot. */
  readonly started: boolean;
  /** Not --no-loop. */
  readonly reconnect: boolean;
  /** --wait */
  readonly waitForSlot: boolean;
  /** --allow-gap */
  readonly allowGap: boolean;
  /** Doubtful errors in a row without progress, this one included. */
  readonly doubts: number;
}

/**
 * `fail`: the error is reported. `wait`: another attempt after the back-off. `again`: another attempt at once. `afresh`:
 * another attempt, with what was received before forgotten.
 */
export type Next = "fail" | "wait" | "again" | "afresh";

interface Succession {
  readonly next: (situation: Situation) => Next;
  /** After a signal the error is not reported: the signal, or something that the next process does not meet, caused it. */
  readonly isFarewell: boolean;
  /** What precedes the reason in the warning before another attempt. */
  readonly prefix: string;
}

/** After this many attempts without progress a doubtful error is final. Including the pauses this takes half a minute. */
const DOUBTS_MAX = 10;

const fail = (): Next => "fail";
const reconnect = (situation: Situation): Next =>
  situation.reached && situation.reconnect ? "wait" : "fail";
const reconnectInDoubt = (situation: Situation): Next =>
  situation.doubts <= DOUBTS_MAX ? reconnect(situation) : "fail";
const slotHeld = ({ started, reconnect: loop, waitForSlot }: Situation): Next =>
  (started ? loop : waitForSlot) ? "wait" : "fail";
const LOST = "lost the connection to the server: ";
const INTERRUPTED = "the stream was interrupted: ";

/** Cause → what follows. ARCHITECTURE.md shows this table. */
export const SUCCESSION: Readonly<Record<Cause, Succession>> = {
  stopping: { next: reconnect, isFarewell: true, prefix: LOST },
  lost: { next: reconnect, isFarewell: true, prefix: LOST },
  interrupted: { next: reconnect, isFarewell: true, prefix: INTERRUPTED },
  doubtful: { next: reconnectInDoubt, isFarewell: false, prefix: INTERRUPTED },
  slotInUse: { next: slotHeld, isFarewell: true, prefix: "waiting for the slot: " },
  slotSynchronized: {
    next: slotHeld,
    isFarewell: true,
    prefix: "waiting for the promotion of the standby: ",
  },
  standbyBehind: { next: reconnect, isFarewell: true, prefix: "waiting for the standby: " },
  readerStalls: { next: reconnect, isFarewell: true, prefix: "" },
  fileMoved: { next: () => "again", isFarewell: true, prefix: "" },
  gap: { next: ({ allowGap }) => (allowGap ? "afresh" : "fail"), isFarewell: false, prefix: "" },
  consumer: { next: fail, isFarewell: false, prefix: "" },
  final: { next: fail, isFarewell: false, prefix: "" },
};
