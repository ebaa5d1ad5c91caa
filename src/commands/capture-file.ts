import { CaptureWriter } from "../capture/writer.ts";
import { AppendFile } from "../output/append-file.ts";

/** `tail --capture FILE`: what is received, in a form that decode-file reads. A file that is there is replaced. */
export class CaptureFile {
  readonly #file: AppendFile;
  readonly #writer = new CaptureWriter();

  /** @throws WalctlError when it cannot be opened */
  constructor(path: string) {
    this.#file = new AppendFile(path, "w");
  }

  frame(payload: Uint8Array): void {
    this.#writer.frame(payload);
  }

  metadata(json: unknown): void {
    this.#writer.metadata(json);
  }

  flush(): void {
    const bytes = this.#writer.take();
    if (bytes.length > 0) this.#file.write(bytes);
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#file.close();
    }
  }
}
