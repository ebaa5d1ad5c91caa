import { formatPosition } from "./position.ts";

/** Why reading stopped, or a range was skipped. */
export interface WalFault {
  /** Where it was met: a record's start, or a page's. */
  readonly position: number;
  /** Where what cannot be read begins: the record that was open there, or the same. */
  readonly start: number;
  /** `record at 0/24C4938: checksum does not match` */
  readonly message: string;
  /**
   * The log may simply end here: an empty place, or a page that was not written yet. Where later segments are in the input it is
   * damage like any other.
   */
  readonly mayBeEnd: boolean;
  /** The bytes end before they should. */
  readonly cutShort: boolean;
}

export interface SkippedRange {
  readonly fault: WalFault;
  readonly start: number;
  /** Where the first sound record after it starts, or the input ends. */
  readonly end: number;
}

export function recordFault(lsn: number, what: string): WalFault {
  return faultAt(lsn, `record at ${formatPosition(lsn)}: ${what}`);
}

export function faultAt(position: number, message: string): WalFault {
  return { position, start: position, message, mayBeEnd: false, cutShort: false };
}
