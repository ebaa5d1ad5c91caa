import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { finish } from "../../support/wire/captures.ts";
import { createCaptureReader } from "../../../src/capture/readers.ts";
import { renderSummaryNdjson, SummaryRenderer } from "../../../src/render/reports/summary.ts";
import { SummaryCounts } from "../../../src/render/reports/summary-counts.ts";
import { renderSummaryTables } from "../../../src/render/reports/summary-table.ts";
import { fixture, matchGolden } from "../../support/golden/golden.ts";
import { begin, commit, insert } from "../../support/wire/messages.ts";

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
    matchGolden("fixtures/summaries/pg18-misc-p1.txt", renderSummaryTables(counts, false));
  });

  it("follows streamed and prepared transactions to their end", () => {
    const counts = countsOf("pg18-stream-abort-p2", countsOf("pg18-twophase-p3-stream"));
    matchGolden("fixtures/summaries/pg18-streams.ndjson", renderSummaryNdjson(counts));
  });

  it("of nothing is no line, and says so in a table", () => {
    assert.equal(renderSummaryNdjson(new SummaryCounts()), "");
    assert.equal(renderSummaryTables(new SummaryCounts(), false), "No row was changed.\n");
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
