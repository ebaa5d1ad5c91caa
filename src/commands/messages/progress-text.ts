const BAR_CELLS = 24;
const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `capture.bin ████████░░░░░░░░ 50% of 12 MB`; without a known size `standard input 6 MB`. */
export function progressText(name: string, bytes: number, size: number | undefined): string {
  if (size === undefined || size === 0) return `${name} ${formatByteCount(bytes)}`;
  const part = Math.min(bytes / size, 1);
  const cells = Math.round(part * BAR_CELLS);
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  return `${name} ${bar} ${Math.floor(part * 100)}% of ${formatByteCount(size)}`;
}

/** Rounds as the server's pg_size_pretty does, with units of 1024. */
function formatByteCount(bytes: number): string {
  let unit = 0;
  let count = bytes;
  while (count >= 10_240 && unit < UNITS.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${Math.round(count)} ${UNITS[unit]}`;
}
