/** node peer-pg-logical-replication.js SLOT PUBLICATION: its messages as JSON lines, up to the end row. */
import { END_TABLE, JsonLines, load } from "./peer-output.js";

interface Message {
  readonly tag: string;
  readonly relation?: { readonly schema: string; readonly name: string };
  readonly key?: unknown;
  readonly old?: unknown;
  readonly new?: unknown;
}

interface Package {
  readonly PgoutputPlugin: new (options: object) => object;
  readonly LogicalReplicationService: new (
    client: object,
    config: object,
  ) => {
    on(event: string, listener: (lsn: string, message: Message) => void): void;
    subscribe(plugin: object, slot: string): Promise<void>;
  };
}

const [, , slot = "", publication = ""] = process.argv;
const { LogicalReplicationService, PgoutputPlugin } = await load<Package>("pg-logical-replication");
const lines = new JsonLines();
const config = { acknowledge: { auto: false, timeoutSeconds: 0 } };
const service = new LogicalReplicationService({ host: process.env["PGHOST"] }, config);
service.on("data", (lsn, message) => {
  const { tag, relation, key, old } = message;
  lines.print({
    kind: tag,
    lsn,
    schema: relation?.schema,
    table: relation?.name,
    key: key ?? undefined,
    old: old ?? undefined,
    new: message.new,
  });
  if (tag === "insert" && relation?.name === END_TABLE) lines.end();
});
await service.subscribe(
  new PgoutputPlugin({ protoVersion: 1, publicationNames: [publication] }),
  slot,
);
