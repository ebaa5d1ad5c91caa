import type { LocatedFault, LogEnd } from "../capture/wal/log-parts.ts";
import { ExitCode } from "../errors.ts";
import type { SkippedRange } from "../postgres/pages/faults.ts";
import { formatPosition } from "../postgres/pages/position.ts";
import type { Reporter } from "../program/reporter.ts";
import { formatCount } from "../render/cells/numbers.ts";

export function warnSkipped(
  { start, end }: SkippedRange,
  { text }: LocatedFault,
  reporter: Reporter,
): void {
  const range = `${formatPosition(start)} to ${formatPosition(end)}`;
  const bytes = formatCount(end - start);
  reporter.warn({ message: `${text}: skipped ${range} (${bytes} bytes)` });
}

/** @param undoes --keep-going does not help an undo: it is refused where a part may be missing */
export function cureOfDamage(undoes: boolean): string {
  return undoes
    ? "Give the damaged or missing part whole, or only what lies before it or behind it."
    : "To go on after the damage: --keep-going.";
}

/** What became of reading a log. `damaged`: something was skipped. */
export function reportEnd(
  end: LogEnd,
  damaged: boolean,
  reporter: Reporter,
  undoes = false,
): ExitCode {
  switch (end.kind) {
    case "enough":
      break;
    case "end":
      noticeEnd(end, reporter);
      break;
    case "fault":
      reporter.fault(end.fault.text, cureOfDamage(undoes));
      return ExitCode.malformedInput;
  }
  return damaged ? ExitCode.malformedInput : ExitCode.done;
}

function noticeEnd(end: Extract<LogEnd, { kind: "end" }>, reporter: Reporter): void {
  const { goesOnIn, empty, olderPage, pageBehind } = end;
  const position = formatPosition(end.position);
  if (goesOnIn !== undefined) {
    const record =
      empty === true ? "no record begins in the input: one" : `the record at ${position}`;
    return reporter.warn({
      message: `${record} goes on in ${goesOnIn}, which is not in the input`,
    });
  }
  reporter.notice(`the WAL ends at ${position}`);
  if (olderPage !== undefined) {
    const older = formatPosition(olderPage);
    reporter.notice(`what follows it is older, from ${older} on: the file was recycled`);
  }
  if (pageBehind === undefined) return;
  // At a server's own end of WAL, a crash left it; in an archive, the segment is damaged.
  reporter.warn({
    message: `behind the end, the page at ${formatPosition(pageBehind)} is of this WAL too`,
    detail:
      "In pg_wal a crash may have left it. A segment of an archive is damaged at the end that was found.",
  });
}
