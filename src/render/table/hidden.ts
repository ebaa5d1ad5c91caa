import { GAP, HIDDEN_TABLES_MAX } from "./measures.ts";
import { joined, type Painted, painted, SPACE } from "../terminal/painted.ts";
import type { Relation } from "../../postgres/messages/messages.ts";
import type { Event } from "./event.ts";
import { countOf } from "../cells/numbers.ts";
import { type Counts, type Hidden, noCounts, SIGNED } from "./tally.ts";
import { signsOf } from "./transaction.ts";
import type { Canvas } from "./view.ts";

/** One line for each table: the changes that were counted and not shown. */
export function hiddenEvents(hidden: readonly Hidden[], canvas: Canvas): Event[] {
  const shown = hidden.slice(
    0,
    hidden.length > HIDDEN_TABLES_MAX ? HIDDEN_TABLES_MAX - 1 : HIDDEN_TABLES_MAX,
  );
  const rest = hidden.slice(shown.length);
  const events = shown.map(({ relation, counts }) =>
    countedEvent(relation ?? "messages", describeCounts(counts, canvas), canvas),
  );
  if (rest.length === 0) return events;
  const others = countOf(rest.length, "other table");
  return [...events, countedEvent(others, describeCounts(sumOf(rest), canvas), canvas)];
}

/** A line for changes that the transaction's end will count. */
export function postponedEvent(count: number, canvas: Canvas): Event {
  const text = painted("not shown, as all that follows", canvas.palette.quiet);
  return countedEvent(countOf(count, "change"), text, canvas);
}

function countedEvent(subject: Relation | string, detail: Painted, { palette }: Canvas): Event {
  return {
    sign: painted(palette.glyphs.ellipsis, palette.strong),
    subject,
    paint: palette.table,
    pieces: () => [{ ...detail, gap: GAP, cut: undefined }],
    rest: () => undefined,
    linesMax: 1,
  };
}

/** `+1,000 ~3` */
export function describeCounts(counts: Counts, { palette }: Pick<Canvas, "palette">): Painted {
  const signs = signsOf(counts, palette).map(({ kind, text }) => painted(text, palette[kind]));
  return joined(...signs.flatMap((sign, index) => (index === 0 ? [sign] : [SPACE, sign])));
}

function sumOf(all: readonly Hidden[]): Counts {
  const sum = noCounts();
  for (const { counts } of all) {
    for (const kind of SIGNED) sum[kind] += counts[kind];
  }
  return sum;
}
