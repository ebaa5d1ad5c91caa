/** xml out of WAL: tables store what was written, and the server prints less of it (utils/adt/xml.c, xml_out). */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { after, before, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const VALUES = [
  "<a/>",
  '<?xml version="1.0"?><a/>',
  '<?xml version="1.0"?>\n\n<a/>',
  "<?xml version='1.0' encoding='UTF-8'?>\n<a>é</a>",
  '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>\n<a/>',
  "<?xml  version = '1.0'  standalone = 'no' ?><a/>",
  '<?xml version="1.1"?><a/>',
  "\n<a/>",
  "\n\n<a/>",
  "text é",
  "",
  "<!-- ? --><?php x?><a/>",
];

let server: TestServer;
let folder: string;
before(async () => {
  server = await startServer({ version: 18, settings: { wal_level: "replica" } });
  folder = mkdtempSync(join(tmpdir(), "walctl-xml-"));
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true });
});

it("is what the server prints, alone, in an array and in an undo", async () => {
  await server.sql("CREATE TABLE x (id int PRIMARY KEY, v xml, a xml[]); CHECKPOINT");
  const list = VALUES.map(
    (text, id) =>
      `(${id}, E'${text.replaceAll("'", "''")}', ARRAY[E'${text.replaceAll("'", "''")}'::xml])`,
  );
  const [row] = await server.sql<{ xid: string }>(
    `BEGIN; INSERT INTO x VALUES ${list.join(", ")}; SELECT pg_current_xact_id()::text AS xid`,
  );
  await server.sql("COMMIT");
  const truth = await server.sql<{ line: unknown }>(
    "SELECT row_to_json(x) AS line FROM x ORDER BY id",
  );
  const catalog = join(folder, "x.catalog");
  assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
  await server.endSegment();
  const args = ["decode-file", "-q", "--catalog", catalog, "--xid", row?.xid ?? ""];
  const paths = server.segments();
  const { stdout } = await walctl([...args, "--only", "insert", ...paths]);
  assert.deepEqual(
    parseLines(stdout).map((line) => (line as { new?: unknown }).new),
    truth.map(({ line }) => line),
  );
  const undo = await walctl([...args, "-F", "sql", "--undo", "--checked", ...paths]);
  assert.equal(runSql(server, undo.stdout).stderr, "");
  assert.deepEqual(await server.sql("SELECT FROM x"), []);
});
