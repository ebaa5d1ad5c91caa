import { formatByteCount } from "../../byte-count.ts";
import { Screen } from "../../output/screen.ts";
import type { Sink } from "../../output/sink.ts";
import { renderError } from "../../render/reports/diagnostics.ts";
import { type SlotReport, worstFirst } from "../../reports.ts";
import { wrapWords } from "../../render/terminal/word-wrap.ts";
import { heightOf } from "../../render/terminal/visible-width.ts";
import { causeOf } from "../../server/query/causes.ts";
import { aborted, pause } from "../../server/connection/within.ts";
import { Outage } from "../../server/stream/backoff.ts";
import type { CommandContext } from "../../program/context.ts";
import { type OutputOptions, canRedraw } from "../../program/options.ts";
import { SlotRates } from "./rates.ts";
import type { Reporter } from "../../program/reporter.ts";

/** A window of fewer lines has none to waste. */
const SMALL_ROWS = 12;

interface WatchParts {
  readonly first: readonly SlotReport[];
  readonly read: () => Promise<readonly SlotReport[]>;
  /** `fits`: whether there is room for so much. */
  readonly render: (reports: readonly SlotReport[], fits?: (text: string) => boolean) => string;
  readonly intervalMs: number;
  readonly sink: Sink;
  readonly output: OutputOptions;
  readonly context: CommandContext;
  readonly reporter: Reporter;
}

/** Reads the slots repeatedly until a signal. A terminal's table is redrawn in place, other output is appended. */
export async function watchSlots(parts: WatchParts): Promise<void> {
  const { context, output } = parts;
  if (canRedraw(context.stdout, context) && output.format === "table") await watchOnScreen(parts);
  else await watchInLines(parts);
}

async function watchInLines(parts: WatchParts): Promise<void> {
  const gap = parts.output.format === "table" ? "\n" : "";
  let before = "";
  const outage = new Outage();
  for await (const { reports, error } of readings(parts)) {
    if (error !== undefined) {
      const lasting = outage.add(error.message);
      if (lasting !== undefined)
        parts.reporter.warn(
          lasting === "" ? error : { message: error.message, detail: lasting.trim() },
        );
      continue;
    }
    outage.end();
    await parts.sink.write(Buffer.from(before + parts.render(reports)));
    before = gap;
  }
}

async function watchOnScreen(parts: WatchParts): Promise<void> {
  const { context, intervalMs, render } = parts;
  const { stdout } = context;
  const screen = new Screen(stdout.stream);
  let last = parts.first;
  const draw = (error: Error | undefined): void => {
    const title = `walctl slots, every ${intervalMs / 1000} s; ${clockText(last)}Ctrl-C ends`;
    const trouble = error === undefined ? "" : `\n${renderError(error, false)}`;
    const linesOf = (slots: string): readonly string[] => {
      const gap = screen.rows < SMALL_ROWS ? "" : "\n";
      const head = wrapWords(title, screen.columns).join("\n");
      return `${head}\n${gap}${slots}${trouble}`.trimEnd().split("\n");
    };
    const fits = (slots: string): boolean =>
      heightOf(linesOf(slots).join("\n"), screen.columns) <= screen.rows;
    const lines = linesOf(render(last, fits));
    screen.draw(lines, (line) => heightOf(line, screen.columns));
  };
  try {
    for await (const { reports, error } of readings(parts)) {
      if (error === undefined) last = reports;
      draw(error);
    }
  } finally {
    screen.leave();
  }
  // The last table stays on the terminal.
  await parts.sink.write(Buffer.from(render(last)));
}

function clockText(reports: readonly SlotReport[]): string {
  const [first] = reports;
  if (first === undefined) return "";
  const wal = first.pace?.wal_bytes_per_second;
  const rate = wal === undefined ? "" : `${formatByteCount(wal)}/s of WAL; `;
  return `${first.time.slice(11, 19)} UTC; ${rate}`;
}

interface Reading {
  readonly reports: readonly SlotReport[];
  /** The server cannot be reached at the moment. */
  readonly error: Error | undefined;
}

/** Ends at a signal. A server that went away is asked again at the next interval. */
async function* readings({
  first,
  read,
  intervalMs,
  context,
}: WatchParts): AsyncGenerator<Reading> {
  const { stop } = context;
  const stopped = aborted(stop).then(() => undefined);
  const rates = new SlotRates();
  yield { reports: rates.add(first), error: undefined };
  for (;;) {
    await pause(intervalMs, stop);
    if (stop.aborted) return;
    // A server that does not answer must not delay the end.
    const reading = await Promise.race([attempt(read), stopped]);
    if (reading === undefined || stop.aborted) return;
    yield reading.error === undefined
      ? { ...reading, reports: worstFirst(rates.add(reading.reports)) }
      : reading;
  }
}

async function attempt(read: WatchParts["read"]): Promise<Reading> {
  try {
    return { reports: await read(), error: undefined };
  } catch (error) {
    if (!(error instanceof Error) || causeOf(error) === "final") throw error;
    return { reports: [], error };
  }
}
