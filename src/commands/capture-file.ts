import { CaptureWriter } from "../capture/writer.ts";
import { AppendFile } from "../output/append-file.ts";

/**
 * `tail --capture FILE`: what is received, in a form that decode-file reads. What cannot be written is refused at
 * once; what is there is replaced only in takeOver(), when the slot is ours: until then it may be the capture of
 * another walctl that has the slot.
 */
export class CaptureFile {
  readonly #file: AppendFile;
  readonly #writer = new CaptureWriter();
  #ours = false;

  /** @throws WalctlError when it cannot be opened */
  constructor(path: string) {
    this.#file = new AppendFile(path);
  }

  /**
   * To be called when the slot is ours, before anything is handed over.
   * @throws WalctlError when what is there cannot be replaced
   */
  takeOver(): void {
    this.#file.empty();
    this.#ours = true;
  }

  frame(payload: Uint8Array): void {
    this.#writer.frame(payload);
  }

  metadata(json: unknown): void {
    this.#writer.metadata(json);
  }

  flush(): void {
    // Else the format's first bytes would go behind what is there.
    if (!this.#ours) return;
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
