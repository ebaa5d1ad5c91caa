/** node peer-pgwire.js SLOT PUBLICATION: its messages as JSON lines, up to the end row. */
import { END_TABLE, JsonLines, load } from "./peer-output.js";

/** Its columns are getters that decode, on its prototype: iterating it is how to get them all. */
type Row = Iterable<readonly [column: string, value: unknown]>;

interface Message {
  readonly tag: string;
  readonly lsn: string | null;
  readonly relation?: { readonly schema: string; readonly name: string };
  readonly before?: Row | null;
  readonly after?: Row | null;
}

interface Package {
  readonly pgconnect: (options: object) => Promise<{
    logicalReplication(options: object): {
      pgoutputDecode(): AsyncIterable<{ readonly messages: readonly Message[] }>;
    };
  }>;
}

/** It gives int8 as bigint, which JSON.stringify refuses; a replacer would cost it more than this. */
function plain(row: Row | null | undefined): object | undefined {
  if (!row) return undefined;
  const object: Record<string, unknown> = {};
  for (const [column, value] of row) {
    object[column] = typeof value === "bigint" ? Number(value) : value;
  }
  return object;
}

const [, , slot = "", publication = ""] = process.argv;
const { pgconnect } = await load<Package>("pgwire");
const lines = new JsonLines();
const { PGHOST: host = "", PGPORT: port = "" } = process.env;
const connection = await pgconnect({
  host,
  port,
  user: "postgres",
  database: "postgres",
  replication: "database",
});
const stream = connection.logicalReplication({
  slot,
  options: { proto_version: "1", publication_names: publication },
});
for await (const { messages } of stream.pgoutputDecode()) {
  let behind = false;
  for (const { tag, lsn, relation, before, after } of messages) {
    const { schema, name: table } = relation ?? {};
    const rows = { old: plain(before), new: plain(after) };
    behind = lines.print({ kind: tag, lsn, schema, table, ...rows }) || behind;
    if (tag === "insert" && table === END_TABLE) lines.end();
  }
  if (behind) await lines.drained();
}
