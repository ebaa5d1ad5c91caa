import { RecordLines } from "../../render/wal/ndjson.ts";
import { NO_NAMES } from "../../wal/relation-name.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/versions.ts";
import type { CommandContext } from "../context.ts";
import type { OutputOptions } from "../options.ts";
import type { InspectOptions } from "./options.ts";

/** Makes the output of records: their lines, or what is counted of them. */
export interface Printer {
  /** Every record, before the filters: some tell what relations are called. */
  observe(record: WalRecord): void;
  record(record: WalRecord, version: WalVersion): void;
  /** What was made since the last call. */
  take(): Uint8Array;
  finish(): void;
}

export async function createPrinter(
  _options: InspectOptions,
  _output: OutputOptions,
  _context: CommandContext,
): Promise<Printer> {
  const lines = new RecordLines(NO_NAMES);
  return {
    observe: () => {},
    record: (record, version) => lines.record(record, version),
    take: () => lines.take(),
    finish: () => {},
  };
}
