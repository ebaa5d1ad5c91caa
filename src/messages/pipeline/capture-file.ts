import { CaptureWriter } from "../../capture/writer.ts";
import { usageError } from "../../errors.ts";
import { AppendFile } from "../../output/file/append-file.ts";
import type { Sink } from "../../output/sink.ts";
import { openStreamOutput } from "../../output/stream-output.ts";
import { type CommandContext, standardStreams } from "../../program/context.ts";

/**
 * `tail --capture FILE`: stores what is received in a form that decode-file reads. A path that cannot be written is an
 * error at once. The existing file is replaced only in takeOver(), once this process holds the slot: until then it may
 * be the capture of another walctl that uses the slot.
 */
export class CaptureFile {
  /** Undefined if FILE is a FIFO or another stream. */
  readonly #file: AppendFile | undefined;
  readonly #sink: Sink;
  readonly #writer = new CaptureWriter();
  #ours = false;

  /** @throws WalctlError if it cannot be opened */
  constructor(path: string, context: CommandContext) {
    if (path === "-") {
      throw usageError("--capture takes a file: standard output has the lines");
    }
    const stream = openStreamOutput(path, standardStreams(context), context.stop);
    this.#file = stream === undefined ? new AppendFile(path) : undefined;
    this.#sink = (stream ?? this.#file) as Sink;
  }

  /**
   * Call it once this process holds the slot, before anything is written.
   * @throws WalctlError if the existing file cannot be replaced
   */
  takeOver(): void {
    this.#file?.empty();
    this.#ours = true;
  }

  frame(payload: Uint8Array): void {
    this.#writer.frame(payload);
  }

  metadata(json: unknown): void {
    this.#writer.metadata(json);
  }

  /** See Sink.write. */
  flush(): Promise<void> | undefined {
    // Before takeOver() the format's first bytes would be appended to another capture.
    if (!this.#ours) return undefined;
    const bytes = this.#writer.take();
    if (bytes.length === 0) return undefined;
    // Copied, since metadata may be added while a stream still holds the bytes.
    return this.#sink.write(this.#file === undefined ? bytes.slice() : bytes);
  }

  close(): void {
    try {
      this.flush()?.catch(() => {});
    } finally {
      this.#file?.close();
    }
  }
}
