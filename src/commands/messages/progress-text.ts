import { formatByteCount } from "../../byte-count.ts";

const BAR_CELLS = 24;

/** `capture.bin ████████░░░░░░░░ 50% of 12 MB`; without a known size `standard input 6 MB`. */
export function progressText(name: string, bytes: number, size: number | undefined): string {
  if (size === undefined || size === 0) return `${name} ${formatByteCount(bytes)}`;
  const part = Math.min(bytes / size, 1);
  const cells = Math.round(part * BAR_CELLS);
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  return `${name} ${bar} ${Math.floor(part * 100)}% of ${formatByteCount(size)}`;
}
