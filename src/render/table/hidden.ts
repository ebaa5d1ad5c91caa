import { joined, type Painted, painted, SPACE } from "../terminal/painted.ts";
import { describeRelation, type Event, layoutOf } from "./event.ts";
import type { Layout } from "./frame.ts";
import { countOf } from "./numbers.ts";
import { type Counts, type Hidden, noCounts } from "./tally.ts";
import { signsOf } from "./transaction.ts";
import type { Canvas } from "./view.ts";

/** A thousand partitions must not take a thousand lines. */
const TABLES_MAX = 10;

/** A row a table: what of a transaction was counted in place of being shown. */
export function hiddenEvents(hidden: readonly Hidden[], canvas: Canvas): Event[] {
  const shown = hidden.slice(0, hidden.length > TABLES_MAX ? TABLES_MAX - 1 : TABLES_MAX);
  const rest = hidden.slice(shown.length);
  const events = shown.map(({ relation, counts }) => {
    const { layout, across } = layoutOf(relation, [], canvas);
    return { ...hiddenEvent(subjectOf(relation, layout), counts), across };
  });
  if (rest.length === 0) return events;
  return [...events, hiddenEvent([painted(countOf(rest.length, "other table"))], sumOf(rest))];

  function subjectOf(relation: Hidden["relation"], layout: Layout): readonly Painted[] {
    const { palette } = canvas;
    if (relation === undefined) return [painted("messages", palette.table)];
    return describeRelation(relation, layout, palette.table);
  }

  function hiddenEvent(subject: readonly Painted[], counts: Counts): Event {
    const { palette } = canvas;
    const signs = signsOf(counts).map(({ kind, text }) => painted(text, palette[kind]));
    const spaced = signs.flatMap((sign, index) => (index === 0 ? [sign] : [SPACE, sign]));
    return {
      operation: painted("… MORE", palette.strong),
      subject,
      detail: [joined(...spaced)],
    };
  }
}

/** Of what is told later, with the rest of its transaction. */
export function postponedEvent(count: number, { palette }: Canvas): Event {
  return {
    operation: painted("… MORE", palette.strong),
    subject: [painted(countOf(count, "change"))],
    detail: [painted("not shown, as all that follows", palette.quiet)],
  };
}

function sumOf(all: readonly Hidden[]): Counts {
  const sum = noCounts();
  for (const { counts } of all) {
    for (const { kind } of signsOf(counts)) sum[kind] += counts[kind];
  }
  return sum;
}
