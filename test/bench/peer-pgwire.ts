/** node peer-pgwire.js SLOT PUBLICATION: its messages as JSON lines, up to the end row. */
import { END_TABLE, JsonLines, load } from "./peer-output.js";

interface Message {
  readonly tag: string;
  readonly lsn: string | null;
  readonly relation?: { readonly schema: string; readonly name: string };
  readonly key?: unknown;
  readonly before?: unknown;
  readonly after?: unknown;
}

interface Package {
  readonly pgconnect: (options: object) => Promise<{
    logicalReplication(options: object): {
      pgoutputDecode(): AsyncIterable<{ readonly messages: readonly Message[] }>;
    };
  }>;
}

const [, , slot = "", publication = ""] = process.argv;
const { pgconnect } = await load<Package>("pgwire");
const lines = new JsonLines();
const { PGHOST: host = "", PGPORT: port = "" } = process.env;
const address = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { hostname: host, port };
const connection = await pgconnect({
  ...address,
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
  for (const { tag, lsn, relation, key, before, after } of messages) {
    const { schema, name: table } = relation ?? {};
    const rows = { key: key ?? undefined, old: before ?? undefined, new: after ?? undefined };
    behind = lines.print({ kind: tag, lsn, schema, table, ...rows }) || behind;
    if (tag === "insert" && table === END_TABLE) lines.end();
  }
  if (behind) await lines.drained();
}
