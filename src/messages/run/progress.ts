import { formatByteCount } from "../../byte-count.ts";
import type { CommandContext } from "../../program/context.ts";
import type { Reporter } from "../../program/reporter.ts";

const BAR_CELLS = 24;
const INTERVAL_MS = 100;

/** `capture.bin ████████░░░░░░░░ 50% of 12 MB`; without a known size `standard input 6 MB`. */
function progressText(name: string, bytes: number, size: number | undefined): string {
  if (size === undefined || size === 0) return `${name} ${formatByteCount(bytes)}`;
  const part = Math.min(bytes / size, 1);
  const cells = Math.round(part * BAR_CELLS);
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  return `${name} ${bar} ${Math.floor(part * 100)}% of ${formatByteCount(size)}`;
}

export interface ProgressOptions {
  /** Undefined: it is not known. */
  readonly size: number | undefined;
  readonly context: CommandContext;
  readonly reporter: Reporter;
  /** Nothing is printed before the end. */
  readonly printsLater: boolean;
}

/** Shows progress if standard error is a terminal and nothing else is printed on it meanwhile. */
export function progressOf(
  name: string,
  { context, printsLater, reporter, size }: ProgressOptions,
): (bytes: number) => void {
  const silent = context.stdout.isTerminal && !printsLater;
  if (silent || !context.stderr.isTerminal) return () => {};
  let shown = performance.now();
  return (bytes) => {
    const now = performance.now();
    if (now - shown < INTERVAL_MS) return;
    shown = now;
    reporter.progress(progressText(name, bytes, size));
  };
}
