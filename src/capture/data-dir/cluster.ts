import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Ctid } from "../../catalog/model.ts";
import { usageError } from "../../errors.ts";
import { HeapPage, type PageTuple } from "../../postgres/tuples/heap-page.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import { InputError } from "../formats/input-error.ts";
import { isGone, readError } from "../source.ts";
import {
  type ControlFile,
  type FilenodeMap,
  parseControlFile,
  parseFilenodeMap,
} from "./control-file.ts";
import { pageIsSound } from "./page-checksum.ts";
import { TransactionStatus } from "./transactions.ts";

const PAGES_AT_ONCE = 64;
export const DEFAULT_TABLESPACE = 1663;
const XIDS_PER_STATUS_FILE = 1024 * 1024;

/** A visible row and its place. */
export interface PlacedTuple {
  readonly tuple: PageTuple;
  readonly ctid: Ctid;
}

/** The data directory of a server that was shut down. Everything here throws WalctlError for what cannot be read. */
export class Cluster {
  readonly folder: string;
  readonly control: ControlFile;
  /** The map of the shared catalogues. */
  readonly sharedMap: FilenodeMap;
  readonly #transactions: TransactionStatus;

  constructor(folder: string) {
    this.folder = folder;
    this.control = this.#readControl();
    this.sharedMap = this.readMap(join(folder, "global"));
    const newest = Number((this.control.nextXid - 1n) & 0xffff_ffffn);
    const lastFile = Math.floor(newest / XIDS_PER_STATUS_FILE);
    this.#transactions = new TransactionStatus((number) =>
      this.#readStatusFile(number, number === lastFile),
    );
    // Read now: rows with hint bits might never need a file that should exist.
    this.#transactions.committed(newest);
  }

  /** Throws if a server was started meanwhile. */
  requireUnchanged(): void {
    const { checkpoint, time } = this.#readControl();
    if (checkpoint === this.control.checkpoint && time === this.control.time) return;
    throw new InputError(`a server has used "${this.folder}" meanwhile`, {
      hint: "Stop it, or take the catalogue from the running server.",
    });
  }

  /** Prepared transactions, which are still running: pg_twophase has a file for each. */
  preparedXids(): readonly bigint[] {
    const names = this.#read("pg_twophase", (path) => readdirSync(path));
    const epoch = this.control.nextXid >> 32n;
    return names
      .filter((name) => /^([0-9A-F]{8}){1,2}$/.test(name))
      .map((name) => {
        const xid = BigInt(`0x${name}`);
        if (name.length > 8) return xid;
        // Xids below the epoch's first one belong to the epoch before.
        const full = (epoch << 32n) | xid;
        return full < this.control.nextXid ? full : full - (1n << 32n);
      })
      .toSorted((a, b) => (a < b ? -1 : 1));
  }

  readMap(folder: string): FilenodeMap {
    const path = join(folder, "pg_filenode.map");
    return parseFilenodeMap(readBytes(path), path);
  }

  /**
   * Tuples of `folder/filenode` and the files that continue it. The bytes of a tuple are overwritten by later ones.
   */
  *tuples(folder: string, filenode: number): Generator<PlacedTuple> {
    const page = new HeapPage();
    for (const { path, block, bytes, start } of this.#pages(join(folder, String(filenode)))) {
      if (this.control.checksums && !pageIsSound(bytes, start, block)) {
        throw new InputError(
          `"${path}" is damaged: the checksum of block ${block} does not match`,
          {
            hint: "Take the catalogue from the running server, or from a copy of the directory.",
          },
        );
      }
      if (!page.attach(bytes, start)) {
        throw new InputError(`"${path}" is damaged: block ${block} is no page of a table`);
      }
      for (let item = 1; item <= page.itemCount; item++) {
        const tuple = page.tuple(item);
        if (tuple === undefined) continue;
        const visible = this.#transactions.visible(tuple);
        if (visible === undefined) {
          throw new InputError(
            `"${path}": row (${block},${item}) was locked by several transactions when it was changed`,
            { hint: "Take the catalogue from the running server." },
          );
        }
        if (visible) yield { tuple, ctid: { block, item } };
      }
    }
  }

  *#pages(
    path: string,
  ): Generator<{ path: string; block: number; bytes: Uint8Array; start: number }> {
    const { blocksPerFile } = this.control;
    const bytes = new Uint8Array(PAGES_AT_ONCE * PAGE_BYTES);
    for (let number = 0, full = true; full; number++) {
      const part = number === 0 ? path : `${path}.${number}`;
      let blocks = 0;
      for (const length of this.#pieces(part, bytes, number > 0)) {
        if (length % PAGE_BYTES !== 0) {
          throw new InputError(`"${part}" is damaged: its last page is cut short`);
        }
        for (let start = 0; start < length; start += PAGE_BYTES, blocks++) {
          yield { path: part, block: number * blocksPerFile + blocks, bytes, start };
        }
      }
      full = blocks === blocksPerFile;
    }
  }

  /** Fills `into` repeatedly; yields the number of bytes. */
  *#pieces(path: string, into: Uint8Array, mayBeMissing: boolean): Generator<number> {
    let fd: number;
    try {
      requireFile(path);
      fd = openSync(path, "r");
    } catch (error) {
      const fault = readError(path, error);
      if (mayBeMissing && isGone(fault)) return;
      throw fault;
    }
    try {
      for (;;) {
        const length = readSync(fd, into);
        if (length === 0) return;
        yield length;
      }
    } catch (error) {
      throw readError(path, error);
    } finally {
      closeSync(fd);
    }
  }

  #readControl(): ControlFile {
    const path = join(this.folder, "global", "pg_control");
    try {
      return parseControlFile(readBytes(path), path);
    } catch (error) {
      if (!isGone(error)) throw error;
      throw usageError(
        `"${this.folder}" is no data directory: it has no global/pg_control`,
        "As a superuser of the server: SHOW data_directory",
      );
    }
  }

  #readStatusFile(number: number, needed: boolean): Uint8Array | undefined {
    const name = number.toString(16).toUpperCase().padStart(4, "0");
    try {
      return readBytes(join(this.folder, "pg_xact", name));
    } catch (error) {
      if (!needed && isGone(error)) return undefined;
      throw error;
    }
  }

  #read<T>(name: string, read: (path: string) => T): T {
    const path = join(this.folder, name);
    try {
      return read(path);
    } catch (error) {
      throw readError(path, error);
    }
  }
}

/** Something else may have no end, or keep its reader waiting. */
function requireFile(path: string): void {
  if (!statSync(path).isFile()) throw new InputError(`"${path}" is no regular file`);
}

function readBytes(path: string): Uint8Array {
  try {
    requireFile(path);
    return readFileSync(path);
  } catch (error) {
    throw readError(path, error);
  }
}
