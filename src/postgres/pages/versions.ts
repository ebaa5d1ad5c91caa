/** The major versions whose WAL is supported. */
export type WalVersion = 14 | 15 | 16 | 17 | 18 | 19;

/** XLOG_PAGE_MAGIC (access/xlog_internal.h) of each version: the first two bytes of every page. */
const VERSION_BY_MAGIC = new Map<number, WalVersion>([
  [0xd10d, 14],
  [0xd110, 15],
  [0xd113, 16],
  [0xd116, 17],
  [0xd118, 18],
  [0xd121, 19],
]);

/** Undefined for WAL of another version, or no WAL. */
export function versionOfMagic(magic: number): WalVersion | undefined {
  return VERSION_BY_MAGIC.get(magic);
}

/** In hexadecimal: `D118`. */
export function formatMagic(magic: number): string {
  return magic.toString(16).toUpperCase().padStart(4, "0");
}
