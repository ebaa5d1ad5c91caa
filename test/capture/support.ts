/** What the tests of damaged captures share: messages of tables whose columns are text, and what is printed of them. */
import type { CaptureFormat } from "../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../src/capture/readers.ts";
import { applyMetadata, forgetTypes } from "../../src/commands/decode-file/capture-metadata.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import type { Renderer } from "../../src/render/renderer.ts";
import { finish } from "../support/wire/captures.ts";
import type { WireMessage } from "../support/wire/pgoutput-encoder.ts";

const text = (value: string) => ({ kind: "text", bytes: Buffer.from(value) }) as const;
export const begin = (xid: number): WireMessage => ({
  kind: "begin",
  finalLsn: 256n,
  commitTime: 9n,
  xid,
});
export const commit: WireMessage = {
  kind: "commit",
  commitLsn: 256n,
  endLsn: 304n,
  commitTime: 9n,
};
export const FIRST_OID = 16_384;

/** Both columns are text: rows fit any of the table's announcements. */
export function relation(
  table: number,
  columns: readonly string[],
  xid: number | null,
): WireMessage {
  return {
    kind: "relation",
    xid,
    oid: FIRST_OID + table,
    schema: "public",
    table: `t${table}`,
    replicaIdentity: "default",
    columns: columns.map((name) => ({ key: false, name, typeOid: 25, typeModifier: -1 })),
  };
}

export function insert(table: number, values: readonly string[], xid: number | null): WireMessage {
  return { kind: "insert", oid: FIRST_OID + table, xid, new: values.map(text) };
}

export interface Line {
  readonly kind: string;
  readonly xid: number | null;
  readonly oid?: number;
  readonly table?: string;
  readonly new: Readonly<Record<string, unknown>>;
}

export interface Printed {
  readonly output: string;
  readonly skips: number;
}

export function decode(
  format: CaptureFormat,
  chunks: Iterable<Uint8Array>,
  createRenderer: (types: TypeRegistry) => Renderer,
): Printed {
  const types = new TypeRegistry();
  const renderer = createRenderer(types);
  let skips = 0;
  const reader = createCaptureReader(format, {
    keepGoing: true,
    listener: {
      message: (message) => {
        if (message.kind === "type") types.announce(message.oid, message.schema, message.name);
        renderer.render(message);
      },
      metadata: (json) => applyMetadata(json, types),
      lost: (...piece) => forgetTypes(types, ...piece),
      skipped: () => {
        skips++;
        renderer.skipped?.();
      },
    },
  });
  for (const chunk of chunks) finish(reader.push(Uint8Array.from(chunk)));
  finish(reader.end());
  return { output: Buffer.from(renderer.take()).toString(), skips };
}

export const ndjson = (types: TypeRegistry): Renderer =>
  new NdjsonRenderer({ types, values: "json", safeNumbers: false });

export function linesOf({ output }: Printed): readonly Line[] {
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}
