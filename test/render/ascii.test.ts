/** Where the locale is not UTF-8, whatever is drawn is ASCII. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { renderCatalogTable } from "../../src/render/reports/catalog.ts";
import { renderChecks } from "../../src/render/reports/checks.ts";
import {
  publicationReport,
  renderDroppedPublication,
  renderPublications,
} from "../../src/render/reports/publications.ts";
import { renderPublication, renderSlot } from "../../src/render/reports/setup.ts";
import { renderSummaryTables } from "../../src/render/reports/summary-table.ts";
import { SummaryCounts } from "../../src/render/reports/summary-counts.ts";
import { TableRenderer } from "../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../src/render/table/view.ts";
import { renderStatsTable } from "../../src/render/wal/stats-table.ts";
import { decodeCapture } from "../support/program/tables.ts";
import {
  identityStream,
  partitionStream,
  pgbenchStream,
  wideStream,
} from "../support/program/screen-streams.ts";

const LOOK = { color: false, ascii: true };
const LONG = "a_name_that_is_longer_than_any_column_of_a_narrow_terminal";

function assertAscii(text: string): void {
  assert.ok(text.length > 0);
  assert.doesNotMatch(text, /[^\n -~]/u);
}

for (const width of [20, 40, 80, 200]) {
  test(`reports in ASCII, ${width} columns`, () => {
    const check = { check: "wal_level", message: "is too low", fix: "ALTER SYSTEM", name: "x" };
    const checks = (["ok", "warning", "fail"] as const).map((status) => ({ ...check, status }));
    const state = {
      allTables: false,
      excluded: [],
      allSequences: false,
      schemas: ["s"],
      publish: ["insert"],
      viaPartitionRoot: true,
      generatedColumns: "none",
      tables: [{ schema: "s", name: LONG, columns: ["a"], filter: "a > 1" }],
    };
    const report = publicationReport("p", state);
    const counts = new SummaryCounts();
    for (const message of decodeCapture("pg18-stream-abort-p2")) counts.add(message);
    const sizes = { records: 1, recordBytes: 900, imageBytes: 70 };
    const rows = [LONG, `${LONG}_2`].map((title) => ({ members: "", title, ...sizes }));
    const catalog = {
      database: "d",
      oid: 5,
      encoding: "UTF8",
      version: 180_001,
      systemIdentifier: "7",
      timeline: 1,
      lsn: "0/0",
      time: "",
      counts: new Map([["pg_class", 400]]),
    };
    for (const text of [
      renderChecks(checks, width, LOOK),
      renderPublications([report], [], "table", width, LOOK),
      renderDroppedPublication({ ...report, status: "dropped", sql: [], undo: [] }, "table", LOOK),
      renderPublication(
        { publication: "p", status: "created", sql: [], warnings: [] },
        "table",
        LOOK,
      ),
      renderSlot(
        { slot: "s", status: "created", plugin: "pgoutput", consistent_point: "0/1" },
        "table",
        LOOK,
      ),
      renderCatalogTable(catalog, LOOK),
      renderSummaryTables(counts, width, LOOK),
      renderStatsTable(rows, "table", [], { width, look: LOOK }),
    ])
      assertAscii(text);
  });

  test(`changes in ASCII, ${width} columns`, () => {
    const streams = [identityStream(), pgbenchStream(), partitionStream(), wideStream(30)];
    streams.push([...decodeCapture("pg18-twophase-p3-stream")]);
    for (const [expanded, collapseAfter] of [
      [false, Infinity],
      [true, Infinity],
      [false, 2],
    ] as const) {
      for (const stream of streams) {
        const view = { ...WHOLE_VIEW, expanded, collapseAfter };
        const options = { look: LOOK, view, types: new TypeRegistry() };
        const renderer = new TableRenderer({ ...options, width: () => width });
        for (const message of stream) renderer.render(message);
        renderer.finish();
        // A value of its own.
        assertAscii(new TextDecoder().decode(renderer.take()).replace(/[山田🎁]/gu, "?"));
      }
    }
  });
}
