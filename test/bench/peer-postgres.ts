/** node peer-postgres.js SLOT PUBLICATION: its changes as JSON lines, up to the end row. It tells of rows only. */
import { END_TABLE, JsonLines, load } from "./peer-output.js";

interface Change {
  readonly command: string;
  readonly relation: { readonly schema: string; readonly table: string };
  readonly old?: unknown;
}

interface Package {
  readonly default: (options: object) => {
    subscribe(event: string, listener: (row: unknown, change: Change) => void): Promise<void>;
  };
}

const [, , , publication = ""] = process.argv;
const { default: postgres } = await load<Package>("postgres");
const lines = new JsonLines();
const sql = postgres({ publications: publication });
await sql.subscribe("*", (row, { command, relation, old }) => {
  const { schema, table } = relation;
  const rows = command === "delete" ? { old: row } : { old: old ?? undefined, new: row };
  lines.print({ kind: command, schema, table, ...rows });
  if (table === END_TABLE) lines.end();
});
