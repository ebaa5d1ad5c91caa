import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Sink, sinkError, writeAll } from "../sink.ts";
import { openError } from "./append-file.ts";
import { syncFolder } from "./sync-folder.ts";

/** As AppendFile's. */
const MODE_OWNER_ONLY = 0o600;
const MODE_BITS = 0o7777;

/** A new file that takes the place of FILE only when all of it is written and durable. Until then FILE stays as it is. */
export class ReplacedFile implements Sink {
  readonly #path: string;
  /** What FILE's links lead to. */
  readonly #target: string;
  readonly #temporary: string;
  readonly #fd: number;
  #open = true;

  /** @throws WalctlError when it cannot be created */
  constructor(path: string) {
    this.#path = path;
    this.#target = targetOf(path);
    const name = `.walctl-${randomBytes(6).toString("hex")}.tmp`;
    this.#temporary = join(dirname(this.#target), name);
    try {
      const mode = statSync(path, { throwIfNoEntry: false })?.mode;
      this.#fd = openSync(this.#temporary, "wx", MODE_OWNER_ONLY);
      if (mode !== undefined) fchmodSync(this.#fd, mode & MODE_BITS);
    } catch (error) {
      throw openError(path, error);
    }
  }

  write(bytes: Uint8Array): undefined {
    return writeAll(this.#fd, bytes, `"${this.#path}"`);
  }

  sync(): undefined {
    return undefined;
  }

  /** @throws WalctlError; then it is discarded */
  replace(): void {
    try {
      fsyncSync(this.#fd);
      renameSync(this.#temporary, this.#target);
    } catch (error) {
      this.discard();
      throw sinkError(error, `"${this.#path}"`);
    }
    this.#open = false;
    closeSync(this.#fd);
    syncFolder(dirname(this.#target));
  }

  /** Removes it, if it has not replaced FILE. */
  discard(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
    unlinkSync(this.#temporary);
  }
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
