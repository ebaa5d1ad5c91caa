/** The real plugin and `--format wal2json` on one server, the same changes through both. */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { walctl } from "../support/program/cli.ts";
import { matchGolden } from "../support/golden/golden.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { findWal2json } from "../support/server/wal2json-plugin.ts";
import { wal2jsonWorkload } from "../support/program/wal2json-workload.ts";

const plugin = findWal2json();
const skip = plugin === undefined && "wal2json is not here; test/render compares with its goldens";
const CAPTURE = "fixtures/wal2json/pg17.walctl";
const TAIL = ["tail", "-S", "ours", "-P", "all_changes", "--messages", "-E", "now"];

describe("--format wal2json beside wal2json itself", { skip }, () => {
  let server: TestServer;
  let folder: string;
  let expected: string;

  before(async () => {
    assert.ok(plugin !== undefined);
    folder = mkdtempSync(join(tmpdir(), "walctl-wal2json-"));
    // The server's account may not enter ours.
    chmodSync(folder, 0o755);
    copyFileSync(plugin.path, join(folder, "wal2json.so"));
    const settings = { dynamic_library_path: `$libdir:${folder}` };
    server = await startServer({ version: plugin.version, settings });
    await server.sql("CREATE PUBLICATION all_changes FOR ALL TABLES");
    await server.sql("SELECT pg_create_logical_replication_slot('theirs', 'wal2json')");
    await server.sql("SELECT pg_create_logical_replication_slot('ours', 'pgoutput')");
    for (const statement of wal2jsonWorkload()) await server.sql(statement);
    expected = await theirs();
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  /** Since PostgreSQL 15 pgoutput does not send transactions in which there is nothing for it. */
  async function theirs(): Promise<string> {
    const rows = await server.sql<{ data: string }>(
      "SELECT data FROM pg_logical_slot_peek_changes('theirs', NULL, NULL, 'format-version', '2')",
    );
    const lines = rows.map(({ data }) => `${data}\n`).join("");
    return lines.replaceAll('{"action":"B"}\n{"action":"C"}\n', "");
  }

  it("tail prints the same bytes", async () => {
    const capture = join(folder, "capture.walctl");
    const args = [...TAIL, "-F", "wal2json", "--capture", capture];
    const { stdout, stderr, status } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
    sameLines(stdout, expected);
    if (process.env["UPDATE_GOLDENS"] === "1") matchGolden(CAPTURE, readFileSync(capture));
  });

  it("the golden is what the plugin prints", () => {
    matchGolden("fixtures/wal2json/pg17.ndjson", expected);
  });

  it("values sent in binary form look the same, but for types whose binary form is not documented", async () => {
    const { stdout } = await walctl([...TAIL, "-F", "wal2json", "--binary"], { server });
    const lines = expected.split("\n");
    const told = stdout.split("\n").map((line, index) => {
      return line.includes('{"binary_base64":') ? lines[index] : line;
    });
    sameLines(told.join("\n"), expected);
  });
});

/** Names the first line that differs: the whole of it is more than anybody reads. */
function sameLines(actual: string, expected: string): void {
  const lines = expected.split("\n");
  for (const [index, line] of actual.split("\n").entries()) {
    assert.equal(line, lines[index], `line ${index + 1}`);
  }
  assert.ok(actual === expected, "lines are missing at the end");
}
