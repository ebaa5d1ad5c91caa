import { CaptureWriter } from "../../capture/writer.ts";
import { usageError } from "../../errors.ts";
import { AppendFile } from "../../output/file/append-file.ts";
import type { Sink } from "../../output/sink.ts";
import { openStreamOutput } from "../../output/stream-output.ts";
import { type CommandContext, standardStreams } from "../context.ts";

/**
 * `tail --capture FILE`: what is received, in a form that decode-file reads. What cannot be written is refused at
 * once; what is there is replaced only in takeOver(), when the slot is ours: until then it may be the capture of
 * another walctl that has the slot.
 */
export class CaptureFile {
  /** Undefined: a FIFO or another stream. */
  readonly #file: AppendFile | undefined;
  readonly #sink: Sink;
  readonly #writer = new CaptureWriter();
  #ours = false;

  /** @throws WalctlError when it cannot be opened */
  constructor(path: string, context: CommandContext) {
    if (path === "-") {
      throw usageError("--capture takes a file: standard output has the lines");
    }
    const stream = openStreamOutput(path, standardStreams(context), context.stop);
    this.#file = stream === undefined ? new AppendFile(path) : undefined;
    this.#sink = (stream ?? this.#file) as Sink;
  }

  /**
   * To be called when the slot is ours, before anything is handed over.
   * @throws WalctlError when what is there cannot be replaced
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
    // Before that, the format's first bytes would be appended to another capture.
    if (!this.#ours) return undefined;
    const bytes = this.#writer.take();
    if (bytes.length === 0) return undefined;
    // Metadata may gather while a stream still has the bytes.
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
