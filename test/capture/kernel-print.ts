/** What is printed of a capture, with the kernel and without it. */
import assert from "node:assert/strict";
import type { CaptureListener } from "../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../src/capture/readers.ts";
import { forgetTypes } from "../../src/commands/decode-file/capture-metadata.ts";
import { kernelRows } from "../../src/commands/decode-file/row-kernel.ts";
import { DecodeError } from "../../src/errors.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import { finish } from "../support/wire/captures.ts";

export const FORMATS = ["raw", "recvlogical"] as const;

interface Printed {
  readonly output: string;
  readonly faults: readonly string[];
  /** Rows that came as messages. */
  readonly rowMessages: number;
}

export function print(
  format: (typeof FORMATS)[number],
  chunks: Iterable<Uint8Array>,
  how: { kernel: boolean; keepGoing: boolean; values?: "json" | "text"; safeNumbers?: boolean },
): Printed {
  const types = new TypeRegistry();
  const { values = "json", safeNumbers = false } = how;
  const renderer = new NdjsonRenderer({ types, values, safeNumbers });
  const rows = how.kernel ? kernelRows((kernel) => renderer.rowsBy(kernel)) : undefined;
  assert.equal(rows !== undefined, how.kernel);
  const faults: string[] = [];
  let rowMessages = 0;
  const listener: CaptureListener = {
    rows,
    message: (message) => {
      if (message.kind === "type") types.announce(message.oid, message.schema, message.name);
      if ("new" in message) rowMessages++;
      renderer.render(message);
    },
    metadata: () => {},
    lost: (...piece) => forgetTypes(types, ...piece),
    skipped: ({ start, end, fault }) => {
      faults.push(`${start} ${end} ${fault.offset} ${fault.missing} ${fault.message}`);
      renderer.skipped();
    },
  };
  const output: Buffer[] = [];
  try {
    const reader = createCaptureReader(format, { listener, keepGoing: how.keepGoing });
    for (const chunk of chunks) {
      // As decode-file: the bytes of a chunk are overwritten once it is written.
      const bytes = Uint8Array.from(chunk);
      finish(reader.push(bytes));
      output.push(Buffer.from(renderer.take()));
      bytes.fill(0xee);
    }
    finish(reader.end());
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    faults.push(`${error.offset} ${error.missing} ${error.message}`);
  }
  output.push(Buffer.from(renderer.take()));
  return { output: Buffer.concat(output).toString("latin1"), faults, rowMessages };
}
