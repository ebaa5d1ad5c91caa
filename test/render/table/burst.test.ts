import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PgoutputMessage, Relation } from "../../../src/postgres/messages/messages.ts";
import { NO_POSITION } from "../../../src/postgres/messages/surroundings.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../../src/render/table/view.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import { busyStream, pgbenchStream } from "../../support/program/screen-streams.ts";
import { assertFits } from "../../support/program/tables.ts";

/** A renderer, and a clock that each row moves on. */
function watch(
  width: number,
  rowsMax = 100,
): { readonly show: Show; readonly finish: () => string } {
  let now = 0;
  const view = { ...WHOLE_VIEW, burstLines: rowsMax };
  const options = { width: () => width, look: { color: false }, view, types: new TypeRegistry() };
  const renderer = new TableRenderer({ ...options, now: () => now });
  const taken = (): string => new TextDecoder().decode(renderer.take());
  const show = (messages: readonly PgoutputMessage[], msPerRow: number): string => {
    let text = "";
    for (const message of messages) {
      if (message.kind === "insert" || message.kind === "update") now += msPerRow;
      renderer.render(message);
      if (message.kind === "commit") text += taken();
    }
    return text;
  };
  const finish = (): string => {
    now += 1000;
    return new TextDecoder().decode(renderer.tick());
  };
  return { show, finish };
}
type Show = (messages: readonly PgoutputMessage[], msPerRow: number) => string;

describe("a burst", () => {
  for (const width of [40, 80, 120, 200]) {
    it(`turns to a line a second for each table, and comes back by itself, in ${width} columns`, () => {
      const { show, finish } = watch(width, 20);
      const slow = show(busyStream(3), 200);
      const fast = show(busyStream(300), 10);
      const after = show(busyStream(12), 600);
      const text = `${slow}${fast}${after}${finish()}`;
      assertFits(text, width);
      matchGolden(`fixtures/tables/burst-${width}.txt`, text);
    });
  }

  it("loses no row: what is shown and what is counted is all that came", () => {
    const { show, finish } = watch(80);
    const text = show(busyStream(700), 1) + show(busyStream(50), 100) + finish();
    const shown = text.match(/^\S+ +\d+ {3}[+~] /gm)?.length ?? 0;
    const counts = [...text.matchAll(/ [+~]([\d,]+)(?= .*rows?\/s)/g)].map(([, count = ""]) =>
      Number(count.replaceAll(",", "")),
    );
    const counted = counts.reduce((sum, count) => sum + count, 0);
    assert.ok(shown > 100 && counted > 300, text);
    assert.equal(shown + counted, 750, text);
  });

  it("shows or counts a transaction as a whole", () => {
    const { show, finish } = watch(80, 22);
    // Four rows each.
    let text = "";
    for (let times = 0; times < 5; times++) text += show(pgbenchStream(), 1);
    text += finish();
    const shown = text.match(/^\S* +\d* [┌│└] [+~] /gm)?.length ?? 0;
    assert.ok(shown > 0 && shown % 4 === 0, text);
    assert.equal(text.match(/┌/g)?.length, shown / 4, text);
    assert.equal(text.match(/└/g)?.length, shown / 4, text);
    const counts = [...text.matchAll(/^.*… \S+ +[+~](\d+)/gm)].map(([, n]) => Number(n));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      160 - shown,
      text,
    );
  });

  it("says no rate of rows that came within a second", () => {
    let now = 0;
    const options = { width: () => 80, look: { color: false }, types: new TypeRegistry() };
    const view = { ...WHOLE_VIEW, burstLines: 20 };
    const renderer = new TableRenderer({ ...options, view, now: () => now });
    for (const message of busyStream(300)) renderer.render(message);
    now += 400;
    renderer.finish();
    const text = new TextDecoder().decode(renderer.take());
    assert.match(text, /too many to read/);
    assert.match(text, /… accounts +~\d+ {2}e\.g\. /);
    assert.doesNotMatch(text, /rows?\/s/);
  });

  it("tells the last of it when nothing more comes", () => {
    const { show, finish } = watch(80);
    show(busyStream(200), 1);
    assert.match(finish(), /… accounts +~?\S+ .*\d+ rows?\/s {2}e\.g\. /);
    assert.equal(finish(), "");
  });

  it("counts a TRUNCATE for each table that it empties, and a table under each of its names", () => {
    const { show, finish } = watch(80, 20);
    show(busyStream(100), 1);
    const [one, other, renamed] = [
      relationOf(101, "one"),
      relationOf(102, "other"),
      relationOf(101, "renamed"),
    ];
    const emptied = [[one], [one, other], [other, one], [renamed]];
    const truncates = emptied.map((relations): PgoutputMessage => {
      const options = { cascade: false, restartIdentity: false, transaction: null };
      return { kind: "truncate", position: NO_POSITION, relations, ...options };
    });
    const text = show(truncates, 1) + finish();
    assert.match(text, /… one +×3/);
    assert.match(text, /… other +×2/);
    assert.match(text, /… renamed +×1/);
  });
});

function relationOf(oid: number, table: string): Relation {
  const of = { schema: "public", columns: [], keyed: false, announced: true } as const;
  return { oid, table, replicaIdentity: "default", ...of };
}
