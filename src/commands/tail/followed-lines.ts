import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";

/** Longer lines are cut. */
const LINE_CHARS_MAX = 1000;
/** The most that one poll reads: an endless source such as /dev/zero must leave time for signals and the stream. */
const POLL_BYTES_MAX = 1 << 20;
const READ_BYTES = 1 << 16;
/** How many of the last bytes read are compared with the file: if they differ, it was rewritten, not appended to. */
const TAIL_BYTES = 256;
/** Two writes within one tick of a file system's clock, up to 2 s on some, leave the same timestamp. */
const CLOCK_TICK_MS = 2000;
/** A FIFO's writer that was silent for this many polls keeps the FIFO open; other writers open it for each line. */
const STAYS_POLLS = 2;
/** The FIFO has ended if no writer opens it again within this time. */
const GONE_MS = 500;

/**
 * Follows the lines of a path that another program writes in any way: it may append, truncate and write again, rewrite
 * in place, rename another file over it, delete and recreate it, or write through a FIFO whose writers come and go.
 * After a rewrite all lines are returned again.
 *
 * A last line without a line break may be incomplete. It counts when a FIFO's writer closes, and in a file that is
 * rewritten, not appended to, once it has not changed for a poll.
 */
export class FollowedLines {
  readonly #path: string;
  readonly #standardInput: boolean;
  #fd: number | undefined;
  #file: BigIntStats | undefined;
  #offset = 0;
  #tail: Uint8Array = Buffer.alloc(0);
  #lines: string[] = [];
  #partial = "";
  /** What was returned of the last line before its line break came. */
  #given = "";
  #rewritten = false;
  #silentPolls = 0;
  /** When the writer that kept the FIFO open closed it. */
  #goneMs: number | undefined;

  /**
   * Skips the present content of a file.
   * @param standardInput its end is final: nobody can open it again
   * @throws if the path exists and cannot be read
   */
  constructor(path: string, standardInput = false) {
    this.#path = path;
    this.#standardInput = standardInput;
    const found = this.#find();
    if (found === undefined) return;
    this.#open();
    if (this.#file?.isFile() !== true) return;
    this.#offset = Number(this.#file.size);
    this.#tail = this.#readAt(Math.max(0, this.#offset - TAIL_BYTES), TAIL_BYTES);
  }

  /** The file was rewritten: poll() may return lines again. */
  get rewritten(): boolean {
    return this.#rewritten;
  }

  /** The writer that kept a FIFO open has closed it. Never true of a file: more may be appended. */
  get ended(): boolean {
    return this.#goneMs !== undefined && performance.now() - this.#goneMs > GONE_MS;
  }

  /**
   * Returns the lines since the last call.
   * @throws if the path cannot be read; the caller may try again
   */
  poll(): readonly string[] {
    const found = this.#find();
    if (this.#fd !== undefined && found !== undefined && !isSame(found, this.#file)) {
      // Of the file that was there before, only what was appended to it is still read.
      this.#read(false);
      if (this.#rewritten) this.#giveUnended();
      this.close();
      this.#rewritten = true;
    }
    if (this.#fd === undefined && found !== undefined) this.#open();
    if (this.#fd !== undefined) this.#read(true);
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#file = undefined;
    this.#startOver();
  }

  #find(): BigIntStats | undefined {
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false });
  }

  #open(): void {
    // Without O_NONBLOCK, opening a FIFO would wait for its writer.
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isDirectory()) {
      closeSync(fd);
      throw Object.assign(new Error("a directory"), { code: "EISDIR" });
    }
    this.#fd = fd;
    this.#file = stats;
  }

  #startOver(): void {
    this.#offset = 0;
    this.#tail = Buffer.alloc(0);
    this.#partial = "";
    this.#given = "";
  }

  #read(stillThere: boolean): void {
    if (this.#file?.isFile() === true) this.#readFile(stillThere);
    else this.#readStream();
  }

  #readFile(stillThere: boolean): void {
    if (this.#fd === undefined || this.#file === undefined) return;
    const before = this.#file;
    const now = fstatSync(this.#fd, { bigint: true });
    this.#file = now;
    const touched = now.mtimeNs !== before.mtimeNs || now.ctimeNs !== before.ctimeNs;
    const recent = Date.now() - Number(now.mtimeMs) < CLOCK_TICK_MS;
    const size = Number(now.size);
    if (stillThere && (touched || recent) && this.#isRewritten(size, touched)) {
      this.#startOver();
      this.#rewritten = true;
    }
    const offset = this.#offset;
    for (const end = Math.min(size, offset + POLL_BYTES_MAX); this.#offset < end;) {
      const bytes = this.#readAt(this.#offset, Math.min(READ_BYTES, end - this.#offset));
      if (bytes.length === 0) break;
      this.#offset += bytes.length;
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-TAIL_BYTES);
      this.#take(bytes.toString("latin1"));
    }
    if (this.#rewritten && this.#offset === offset && offset === size) this.#giveUnended();
  }

  /** Rewriting the same text counts as a rewrite too; only `touched` shows it. */
  #isRewritten(size: number, touched: boolean): boolean {
    if (size < this.#offset) return true;
    if (size === this.#offset && touched) return true;
    const { length } = this.#tail;
    return !this.#readAt(this.#offset - length, length).equals(this.#tail);
  }

  #readAt(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const count = this.#fd === undefined ? 0 : readSync(this.#fd, bytes, 0, length, position);
    return bytes.subarray(0, count);
  }

  /** Reads a FIFO or a device. */
  #readStream(): void {
    const bytes = Buffer.alloc(READ_BYTES);
    for (let total = 0; this.#fd !== undefined && total < POLL_BYTES_MAX;) {
      let count: number;
      try {
        count = readSync(this.#fd, bytes);
      } catch (error) {
        // The FIFO has writers, and nothing to read.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        this.#silentPolls++;
        this.#goneMs = undefined;
        return;
      }
      // No process has it open for writing.
      if (count === 0) {
        if (this.#standardInput || this.#silentPolls >= STAYS_POLLS)
          this.#goneMs ??= performance.now();
        return this.#giveUnended();
      }
      this.#goneMs = undefined;
      total += count;
      this.#take(bytes.toString("latin1", 0, count));
    }
  }

  #take(text: string): void {
    const parts = text.split("\n");
    const rest = parts.pop() ?? "";
    for (const part of parts) {
      this.#extend(part);
      this.#give();
      this.#partial = "";
      this.#given = "";
    }
    this.#extend(rest);
    if (this.#partial.length === LINE_CHARS_MAX) this.#give();
  }

  #extend(text: string): void {
    this.#partial += text.slice(0, LINE_CHARS_MAX - this.#partial.length);
  }

  #giveUnended(): void {
    this.#give();
    // The next writer of a FIFO begins a new line.
    if (this.#file?.isFile() !== true) {
      this.#partial = "";
      this.#given = "";
    }
  }

  #give(): void {
    const line = this.#partial.trim();
    if (line === "" || line === this.#given) return;
    this.#given = line;
    this.#lines.push(line);
  }
}

function isSame(a: BigIntStats, b: BigIntStats | undefined): boolean {
  return a.ino === b?.ino && a.dev === b.dev;
}
