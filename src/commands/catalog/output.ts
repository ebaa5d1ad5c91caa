import { statSync } from "node:fs";
import { AppendFile, openError } from "../../output/file/append-file.ts";
import { ReplacedFile } from "../../output/file/replaced-file.ts";
import { isDescriptorName } from "../../output/file/same-file.ts";
import { type Sink, sinkOf } from "../../output/sink.ts";
import { openStreamOutput } from "../../output/stream-output.ts";
import { type CommandContext, standardStreams } from "../../program/context.ts";

/** Where the catalogue goes. */
export interface CatalogOutput {
  /** Undefined: it is only summarised. */
  readonly sink: Sink | undefined;
  /** All has been written. */
  readonly finish: () => Promise<void>;
  /** Removes what is not finished. */
  readonly discard: () => void;
}

const NOTHING = (): void => {};

/**
 * @param path undefined: standard output, or nothing if `summary` goes there
 * @throws WalctlError when FILE cannot be written
 */
export function openCatalogOutput(
  path: string | undefined,
  summary: boolean,
  context: CommandContext,
): CatalogOutput {
  if (path === undefined) {
    return toSink(summary ? undefined : sinkOf(context.stdout.stream));
  }
  const stream = openStreamOutput(path, standardStreams(context), context.stop);
  if (stream !== undefined) return toSink(stream);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) {
    throw openError(path, Object.assign(new Error("directory"), { code: "EISDIR" }));
  }
  if (isDescriptorName(path) || stats?.isFile() === false) return toSink(new AppendFile(path));
  const file = new ReplacedFile(path);
  return {
    sink: file,
    finish: async () => file.replace(),
    discard: () => file.discard(),
  };
}

function toSink(sink: Sink | undefined): CatalogOutput {
  return { sink, finish: async () => await sink?.sync(), discard: NOTHING };
}
