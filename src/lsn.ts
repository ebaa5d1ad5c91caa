declare const lsnBrand: unique symbol;

/**
 * A position in the write-ahead log, as in pg_lsn: the byte's offset from the beginning of the log. Zero is
 * InvalidXLogRecPtr, "no position", printed `0/0`.
 */
export type Lsn = bigint & { readonly [lsnBrand]: true };

export const INVALID_LSN = 0n as Lsn;

/** Formats as servers before 19 do: `%X/%X`, never padded. From 19 on they pad the second number to 8 digits. */
export function formatLsn(lsn: Lsn): string {
  // Formatted from numbers: bigints take several times as long to print.
  const high = Number(lsn >> 32n).toString(16);
  const low = Number(BigInt.asUintN(32, lsn)).toString(16);
  return `${high}/${low}`.toUpperCase();
}

/** Undefined if pg_lsn would not accept `text`: two hexadecimal numbers of up to 8 digits with `/` between. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(text);
  if (match === null) return undefined;
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** The text of an LSN as walctl prints it, whatever server printed it; other texts stay as they are. */
export function unpadded(text: string): string {
  const lsn = parseLsn(text);
  return lsn === undefined ? text : formatLsn(lsn);
}

/** What people write for the server's present position, where a command takes that for an LSN. */
export function isNow(text: string): boolean {
  return /^(?:now|latest)$/i.test(text);
}

/** Of its two halves, as Uint32 each. */
export function lsnOf({ high, low }: { readonly high: number; readonly low: number }): Lsn {
  return ((BigInt(high) << 32n) | BigInt(low)) as Lsn;
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

export function minLsn(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}
