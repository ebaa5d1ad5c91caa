import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { finish } from "../../support/wire/captures.ts";
import { INVALID_LSN } from "../../../src/lsn.ts";
import type { PgoutputMessage, TableAction } from "../../../src/postgres/messages/messages.ts";
import { createCaptureReader } from "../../../src/capture/readers.ts";
import { renderSummaryNdjson, SummaryRenderer } from "../../../src/render/reports/summary.ts";
import { SummaryCounts } from "../../../src/render/reports/summary-counts.ts";
import { renderSummaryTables } from "../../../src/render/reports/summary-table.ts";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import { fixture, matchGolden } from "../../support/golden/golden.ts";
import {
  begin,
  commit,
  insert,
  streamAbort,
  streamCommit,
  streamStart,
  streamStop,
} from "../../support/wire/messages.ts";

const { position, commitTime } = begin(1);
const NO_LSN = INVALID_LSN;
const PREPARE = { position, prepareLsn: NO_LSN, endLsn: NO_LSN, prepareTime: commitTime, gid: "g" };
const ROLLBACK = {
  position,
  prepareEndLsn: NO_LSN,
  rollbackEndLsn: NO_LSN,
  prepareTime: commitTime,
  rollbackTime: commitTime,
  gid: "g",
};

function tableChanged(xid: number, action: TableAction): PgoutputMessage {
  const { relation } = insert();
  const file = { relfilenode: 1, oldRelfilenode: undefined };
  return {
    kind: "table_changed",
    position,
    transaction: { xid, commitTime },
    action,
    relation,
    ...file,
  };
}

function countsOf(name: string, counts = new SummaryCounts()): SummaryCounts {
  const reader = createCaptureReader("recvlogical", {
    keepGoing: false,
    listener: { message: (m) => counts.add(m), skipped: () => assert.fail(), metadata: () => {} },
  });
  finish(reader.push(fixture(`fixtures/captures/${name}.recvlogical`)));
  finish(reader.end());
  return counts;
}

describe("a summary", () => {
  it("counts by relation, and shows the largest transactions", () => {
    const counts = countsOf("pg18-misc-p1");
    matchGolden("fixtures/summaries/pg18-misc-p1.ndjson", renderSummaryNdjson(counts));
    matchGolden(
      "fixtures/summaries/pg18-misc-p1.txt",
      renderSummaryTables(counts, Number.POSITIVE_INFINITY, { color: false }),
    );
  });

  it("follows streamed and prepared transactions to their end", () => {
    const counts = countsOf("pg18-stream-abort-p2", countsOf("pg18-twophase-p3-stream"));
    matchGolden("fixtures/summaries/pg18-streams.ndjson", renderSummaryNdjson(counts));
  });

  it("counts nothing that was rolled back", () => {
    const counts = new SummaryCounts();
    const add = (...messages: PgoutputMessage[]): void => messages.forEach((m) => counts.add(m));
    const prepared = { xid: 30, commitTime: null };
    add(streamStart(10), insert(0, 10), insert(0, 11), insert(0, 11), insert(0, 12), streamStop());
    add(streamStart(20), insert(0, 20), insert(0, 21), streamStop());
    add(streamAbort(10, 11), streamAbort(10, 19), streamAbort(20, 21), streamAbort(20, 20));
    add(streamCommit(10, 1), { ...PREPARE, kind: "begin_prepare", transaction: prepared });
    add(insert(0, 30), { ...ROLLBACK, kind: "rollback_prepared", transaction: prepared });
    assert.deepEqual(
      counts.relations().map(({ inserts, bytes }) => [inserts, bytes]),
      [[2, 4]],
    );
    assert.deepEqual(
      counts.transactions().map(({ xid, changes, bytes }) => [xid, changes, bytes]),
      [[10, 2, 4]],
    );
    assert.equal(counts.exact, true);
  });

  it("counts a streamed transaction once that the server sends again", () => {
    const counts = new SummaryCounts();
    for (const firstSegment of [true, false, true]) {
      counts.add({ ...streamStart(10), firstSegment });
      counts.add(insert(0, 10));
      counts.add(insert(0, 11));
      counts.add(streamStop());
    }
    assert.deepEqual(
      counts.relations().map(({ inserts }) => inserts),
      [2],
    );
  });

  it("of more subtransactions than it keeps apart takes them off only with their transaction, and says so", () => {
    const counts = new SummaryCounts(100);
    counts.add(streamStart(1));
    for (let xid = 2; xid <= 1000; xid++) counts.add(insert(0, xid));
    counts.add(streamAbort(1, 1000));
    assert.equal(counts.relations()[0]?.inserts, 998);
    assert.equal(counts.exact, true);
    counts.add(streamAbort(1, 2));
    assert.equal(counts.exact, false);
    counts.add(streamAbort(1, 1));
    assert.deepEqual(counts.relations(), []);
    assert.deepEqual(counts.transactions(), []);
  });

  it("of nothing is no line, and says so in a table", () => {
    assert.equal(renderSummaryNdjson(new SummaryCounts()), "");
    assert.equal(
      renderSummaryTables(new SummaryCounts(), Number.POSITIVE_INFINITY, { color: false }),
      "No row change was read.\n",
    );
  });

  it("fits the terminal: without shares first, then with shorter names and fewer columns", () => {
    const counts = countsOf("pg18-misc-p1");
    for (const schema of ["Abteilung Vertrieb", "v"]) {
      for (const month of ["01", "02"]) {
        const table = `orders_${"of_all_customers_".repeat(3)}2026_${month}`;
        const relation = { ...insert().relation, schema, table };
        counts.add(begin(1, 4_294_967_295));
        for (let row = 0; row < 1234; row++) counts.add({ ...insert(0, 4_294_967_295), relation });
        counts.add(commit(1, 2, 4_294_967_295));
      }
    }
    for (const width of [40, 60, 80, 100, 120]) {
      const text = renderSummaryTables(counts, width, { color: false });
      for (const line of text.split("\n")) assert.ok(textWidth(line) <= width, `${width}\n${text}`);
      const names = text.split("\n").filter((line) => /2026_0[12] /.test(line));
      assert.equal(new Set(names).size, width === 40 ? names.length : 4, text);
      assert.match(text, width < 60 ? /\+1,234/ : /1,234/);
      assert.match(text, /published/);
    }
    const text = renderSummaryTables(countsOf("pg18-misc-p1"), 80, { color: false });
    assert.doesNotMatch(text, /share|…/);
    assert.match(text, /public\."We""ird Näme" │ +1 │ +0 │ +0 │ +0 │ +15 │/);
    matchGolden("fixtures/summaries/pg18-misc-p1-80.txt", text);
    matchGolden(
      "fixtures/summaries/pg18-misc-p1-40.txt",
      renderSummaryTables(countsOf("pg18-misc-p1"), 40, { color: false }),
    );
  });

  it("lists tables that changed, the last ones of any number, and none of what was rolled back", () => {
    const counts = new SummaryCounts();
    for (let xid = 1; xid <= 25_000; xid++) counts.add(tableChanged(xid, "dropped"));
    counts.add({ ...begin(1), aborted: true });
    counts.add({ ...tableChanged(7, "truncated"), transaction: { xid: 7, commitTime: null } });
    const lines = renderSummaryNdjson(counts).trimEnd().split("\n");
    assert.deepEqual(
      [lines[0], lines.at(-1)].map((line) => JSON.parse(line ?? "").xid),
      [24_001, 25_000],
    );
    assert.equal(counts.tablesChanged.count, 25_000);
    const few = new SummaryCounts();
    few.add(tableChanged(4_294_967_295, "truncated"));
    for (const width of [40, 60, 80]) {
      const text = renderSummaryTables(few, width, { color: false });
      for (const line of text.split("\n")) assert.ok(textWidth(line) <= width, line);
      assert.match(text, /truncated │ xid 4294967295 │/);
    }
  });

  it("keeps the ten largest of any number of transactions", () => {
    const renderer = new SummaryRenderer(renderSummaryNdjson);
    for (let xid = 1; xid <= 100; xid++) {
      const transaction = { xid, commitTime: begin(1).commitTime };
      renderer.render({ ...begin(xid), transaction });
      for (let row = 0; row < xid; row++) renderer.render({ ...insert(), transaction });
      renderer.render({ ...commit(xid, xid + 1), transaction });
    }
    assert.equal(renderer.take().length, 0);
    const lines = Buffer.from(renderer.finish()).toString().trimEnd().split("\n");
    const xids = lines.slice(1).map((line) => (JSON.parse(line) as { xid: number }).xid);
    assert.deepEqual(xids, [100, 99, 98, 97, 96, 95, 94, 93, 92, 91]);
  });
});
