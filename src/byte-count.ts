const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Rounds as the server's pg_size_pretty does, with units of 1024: `9216 kB`, then `10 MB`. */
export function formatByteCount(bytes: number): string {
  let unit = 0;
  let count = bytes;
  while (count >= 10_240 && unit < UNITS.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${Math.round(count)} ${UNITS[unit]}`;
}
