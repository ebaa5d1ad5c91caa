import { formatPosition } from "./position.ts";

/** Why reading stopped, or a range was skipped. */
export interface WalFault {
  /** The start of the faulty record or page. */
  readonly position: number;
  /** Where the unreadable range begins: at the record that was open there, otherwise at `position`. */
  readonly start: number;
  /** `record at 0/24C4938: checksum does not match` */
  readonly message: string;
  /**
   * The log may simply end here: an empty place, or a page not written yet. If later segments are in the input, it is
   * damage like any other.
   */
  readonly mayBeEnd: boolean;
  /** The input ends too early. */
  readonly cutShort: boolean;
}

export interface SkippedRange {
  readonly fault: WalFault;
  readonly start: number;
  /** Where the next valid record starts, or the input ends. */
  readonly end: number;
}

export function recordFault(lsn: number, what: string): WalFault {
  return faultAt(lsn, `record at ${formatPosition(lsn)}: ${what}`);
}

export function faultAt(position: number, message: string): WalFault {
  return { position, start: position, message, mayBeEnd: false, cutShort: false };
}
