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
  /** The warning before another attempt. */
  readonly says: (reason: string) => string;
}

/** After this many attempts without progress a doubtful error is final. Including the pauses this takes half a minute. */
const DOUBTS_MAX = 10;

const fail = (): Next => "fail";
const reconnect = (situation: Situation): Next =>
  situation.reached && situation.reconnect ? "wait" : "fail";
const slotHeld = ({ started, reconnect: loop, waitForSlot }: Situation): Next =>
  (started ? loop : waitForSlot) ? "wait" : "fail";
const lost = (reason: string): string => `lost the connection to the server: ${reason}`;
const interrupted = (reason: string): string => `the stream was interrupted: ${reason}`;
const itself = (reason: string): string => reason;

/** Cause → what follows. ARCHITECTURE.md shows this table. */
export const SUCCESSION: Readonly<Record<Cause, Succession>> = {
  stopping: { next: reconnect, isFarewell: true, says: lost },
  lost: { next: reconnect, isFarewell: true, says: lost },
  interrupted: { next: reconnect, isFarewell: true, says: interrupted },
  doubtful: {
    next: (situation) => (situation.doubts <= DOUBTS_MAX ? reconnect(situation) : "fail"),
    isFarewell: false,
    says: interrupted,
  },
  slotInUse: {
    next: slotHeld,
    isFarewell: true,
    says: (reason) => `waiting for the slot: ${reason}`,
  },
  slotSynchronized: {
    next: slotHeld,
    isFarewell: true,
    says: (reason) => `waiting for the promotion of the standby: ${reason}`,
  },
  standbyBehind: {
    next: reconnect,
    isFarewell: true,
    says: (reason) => `waiting for the standby: ${reason}`,
  },
  readerStalls: { next: reconnect, isFarewell: true, says: itself },
  fileMoved: { next: () => "again", isFarewell: true, says: itself },
  gap: { next: ({ allowGap }) => (allowGap ? "afresh" : "fail"), isFarewell: false, says: itself },
  consumer: { next: fail, isFarewell: false, says: itself },
  final: { next: fail, isFarewell: false, says: itself },
};
