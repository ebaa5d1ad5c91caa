/**
 * node peer-parser.js FILE whole|lean: the messages of a file through pg-logical-replication's parser and
 * JSON.stringify. `whole` prints what the parser gives, which has the relation in every row; `lean` prints what one
 * would pick out of it. In the file each has its length before it (uint32, big-endian), since the parser does not tell
 * where a message ends.
 */
import { createReadStream } from "node:fs";
import { JsonLines, load } from "./peer-output.js";

interface Message {
  readonly tag: string;
  readonly relation?: { readonly schema: string; readonly name: string };
  readonly key?: unknown;
  readonly old?: unknown;
  readonly new?: unknown;
  readonly commitTime?: bigint;
}

interface Package {
  readonly PgoutputPlugin: new (options: object) => { parse(bytes: Buffer): Message };
}

function picked({ tag, relation, key, old, new: row }: Message): object {
  const rows = { key: key ?? undefined, old: old ?? undefined, new: row };
  return { kind: tag, schema: relation?.schema, table: relation?.name, ...rows };
}

/** Times are bigints, which JSON.stringify refuses. */
function printable(message: Message): object {
  const { commitTime } = message;
  return commitTime === undefined ? message : { ...message, commitTime: Number(commitTime) };
}

const lean = process.argv[3] === "lean";
const { PgoutputPlugin } = await load<Package>("pg-logical-replication");
const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [] });
const lines = new JsonLines();
let cut: Buffer = Buffer.alloc(0);
for await (const chunk of createReadStream(process.argv[2] ?? "", { highWaterMark: 1 << 20 })) {
  const bytes = cut.length === 0 ? (chunk as Buffer) : Buffer.concat([cut, chunk as Buffer]);
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const message = plugin.parse(bytes.subarray(at + 4, end));
    lines.print(lean ? picked(message) : printable(message));
    at = end;
  }
  cut = bytes.subarray(at);
}
lines.end();
