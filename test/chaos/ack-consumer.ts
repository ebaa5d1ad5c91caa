/** A consumer that confirms for itself, and writes its file now in one way and now in another. */
import { closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { type Lsn, formatLsn } from "../../src/lsn.ts";

export class AckConsumer {
  readonly path: string;
  readonly #random: () => number;
  #confirmed: Lsn | undefined;

  /** `random` is as Math.random. */
  constructor(path: string, random: () => number) {
    this.path = path;
    this.#random = random;
  }

  /** The last that it confirmed. */
  get confirmed(): Lsn | undefined {
    return this.#confirmed;
  }

  /** The end of the last transaction that the process printed; undefined: it has printed none. */
  confirm(end: Lsn | undefined): void {
    if (end === undefined || end === this.#confirmed) return;
    this.#confirmed = end;
    const line = `${formatLsn(end)}\n`;
    const way = WAYS[Math.floor(this.#random() * WAYS.length)];
    way?.(this.path, line);
  }
}

const WAYS: ReadonlyArray<(path: string, line: string) => void> = [
  (path, line) => writeFileSync(path, line),
  (path, line) => writeFileSync(path, line, { flag: "a" }),
  (path, line) => {
    writeFileSync(`${path}.new`, line);
    renameSync(`${path}.new`, path);
  },
  (path, line) => {
    rmSync(path, { force: true });
    writeFileSync(path, line);
  },
  (path, line) => {
    const fd = openSync(path, "a+");
    closeSync(fd);
    const inPlace = openSync(path, "r+");
    // What was longer keeps its end, as one more line.
    writeSync(inPlace, line, 0);
    closeSync(inPlace);
  },
];
