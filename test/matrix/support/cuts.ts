/** Random damage to a log: segments left out, cut, overwritten, in another order or of another timeline. */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const PAGE_BYTES = 8192;

type Numbers = (below: number) => number;

export interface Cut {
  /** For messages. */
  readonly what: string;
  readonly folder: string;
  /** Only its beginning and its end are cut off: what lies between has to be there. */
  readonly whole: boolean;
}

export interface Segment {
  readonly name: string;
  readonly path: string;
  /** Bytes that were written; behind them it is empty. */
  readonly used: number;
}

/** Damages one file. */
const DAMAGES: Readonly<
  Record<string, (bytes: Buffer, used: number, number: Numbers, other: Buffer) => Buffer>
> = {
  flip: (bytes, used, number) => {
    bytes[number(used)]! ^= 1 << number(8);
    return bytes;
  },
  flips: (bytes, used, number) => {
    for (let count = 2 + number(5); count > 0; count--) bytes[number(used)] = number(256);
    return bytes;
  },
  cut: (bytes, used, number) => bytes.subarray(0, number(used)),
  empty: (bytes, used, number) => {
    const at = number(used);
    // The file may have been cut before.
    const end = Math.min(at + 1 + number(3 * PAGE_BYTES), bytes.length);
    return bytes.fill(0, Math.min(at, end), end);
  },
  "zero to the end": (bytes, used, number) => bytes.fill(0, Math.min(number(used), bytes.length)),
  "older page": (bytes, used, number, other) => {
    const at = PAGE_BYTES * number(Math.ceil(used / PAGE_BYTES));
    if (at + PAGE_BYTES <= Math.min(bytes.length, other.length)) {
      other.copy(bytes, at, at, at + PAGE_BYTES);
    }
    return bytes;
  },
  "page moved": (bytes, used, number) => {
    const page = (): number => PAGE_BYTES * number(Math.ceil(used / PAGE_BYTES));
    const from = page();
    bytes.copyWithin(page(), from, from + PAGE_BYTES);
    return bytes;
  },
  "other segment": (_bytes, _used, _number, other) => other,
};
const DAMAGE_NAMES = Object.keys(DAMAGES);

export function makeCut(segments: readonly Segment[], folder: string, number: Numbers): Cut {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const what: string[] = [];
  let whole = true;
  const isSound = number(3) === 0;
  let kept = [...segments];
  if (number(3) > 0) {
    const first = number(kept.length);
    what.push(`from ${kept[first]!.name}`);
    kept = kept.slice(first);
  }
  if (number(3) === 0) {
    kept = kept.slice(0, 1 + number(kept.length));
    what.push(`to ${kept.at(-1)!.name}`);
  }
  if (!isSound && number(3) === 0 && kept.length > 2) {
    const [gone] = kept.splice(1 + number(kept.length - 2), 1 + number(2));
    what.push(`without ${gone!.name} …`);
    whole = false;
  }
  for (const { name, path } of kept) linkSync(path, join(folder, name));
  for (let count = isSound ? 0 : number(3); count > 0; count--) {
    const { name, used } = kept[number(kept.length)]!;
    const damage = DAMAGE_NAMES[number(DAMAGE_NAMES.length)]!;
    what.push(`${damage} in ${name}`);
    const path = join(folder, name);
    const bytes = readFileSync(path);
    const other = readFileSync(segments[number(segments.length)]!.path);
    rmSync(path);
    writeFileSync(path, DAMAGES[damage]!(bytes, Math.max(used, 1), number, other));
    whole = false;
  }
  const last = kept.at(-1)!.name;
  if (number(10) === 0) {
    what.push(`${last}.partial`);
    renameSync(join(folder, last), join(folder, `${last}.partial`));
  }
  return { what: what.join(", "), folder, whole };
}

/** The history files too, most of the time. */
export function addHistories(cut: Cut, histories: readonly string[], number: Numbers): void {
  for (const path of histories) {
    if (number(5) > 0) copyFileSync(path, join(cut.folder, path.replace(/^.*\//, "")));
  }
}

/** How much of a segment was written. */
export function usedBytes(path: string): number {
  const bytes = readFileSync(path);
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  return used;
}
