/**
 * Positions inside this room are numbers, which are several times as fast as bigints. Pages and records begin at multiples of
 * eight bytes, so these are exact up to 2⁵⁶ bytes of WAL (72 PB). Higher positions are refused when a page's address is read.
 */
const HIGH = 2 ** 32;

/** No position from here on is supported. */
export const POSITION_LIMIT = 2 ** 56;
export const ABOVE_LIMIT = "above FFFFFF/FFFFFFFF";

/** `16/B374D848`, as pg_lsn prints it. */
export function formatPosition(position: number): string {
  const high = Math.floor(position / HIGH).toString(16);
  return `${high}/${(position >>> 0).toString(16)}`.toUpperCase();
}

/** Joins the two halves of a 64-bit integer; of one that is no multiple of eight, the nearest number. */
export function positionOf(high: number, low: number): number {
  return (high >>> 0) * HIGH + (low >>> 0);
}

/** Rounds up to a multiple of 8 (MAXALIGN). */
export function align8(length: number): number {
  return length + ((8 - (length & 7)) & 7);
}
