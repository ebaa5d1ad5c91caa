/**
 * jsonb as it is stored (utils/jsonb.h): containers of
 *   uint32 count | flags; uint32 entries: of an object all keys, then all values; the data
 * An entry has a type, and a length or the end of its data; numerics and containers start at multiples of 4.
 */
import type { DiskReader } from "./disk-reader.ts";
import { numeric } from "./scalars.ts";

const COUNT_MASK = 0x0fffffff;
const SCALAR = 0x10000000;
const OBJECT = 0x20000000;
const ARRAY = 0x40000000;

const HAS_END = 0x80000000;
const TYPE_MASK = 0x70000000;
const STRING = 0x00000000;
const NUMERIC = 0x10000000;
const FALSE = 0x20000000;
const TRUE = 0x30000000;
const NULL = 0x40000000;
const CONTAINER = 0x50000000;

const ESCAPED = /["\\\u0000-\u001f]/;
const ALL_ESCAPED = /["\\\u0000-\u001f]/g;
const SHORT_ESCAPES = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

const NUMERIC_LAYOUT = { length: -1, align: 4 };

interface Container {
  readonly isObject: boolean;
  readonly isScalar: boolean;
  /** Of pairs or elements. */
  readonly count: number;
  /** Where entries and data begin, and the data end. */
  readonly entries: number;
  readonly data: number;
  readonly end: number;
  /** Where each entry's data ends, from `data`. */
  readonly ends: readonly number[];
  /** The pair or element that comes next. */
  next: number;
}

/** As jsonb prints it: `{"k": 1, "l": [true, null]}`. Without recursion, however deep it is. */
export function jsonb(reader: DiskReader): string {
  const outerEnd = reader.end;
  let text = "";
  const open = [openContainer(reader, reader.offset, outerEnd)];
  text += startOf(open[0]!);
  for (;;) {
    const container = open.at(-1);
    if (container === undefined) break;
    const index = container.next++;
    if (index === container.count) {
      text += container.isScalar ? "" : container.isObject ? "}" : "]";
      open.pop();
      continue;
    }
    if (index > 0) text += ", ";
    if (container.isObject) text += `${stringAt(reader, container, index)}: `;
    const entry = container.isObject ? index + container.count : index;
    const inner = containerAt(reader, container, entry);
    if (inner === undefined) text += scalarAt(reader, container, entry);
    else {
      // A scalar stands alone.
      if (container.isScalar || inner.isScalar) throw reader.unfit();
      open.push(inner);
      text += startOf(inner);
    }
  }
  reader.offset = outerEnd;
  reader.end = outerEnd;
  return text;
}

function startOf({ isObject, isScalar }: Container): string {
  return isScalar ? "" : isObject ? "{" : "[";
}

function openContainer(reader: DiskReader, start: number, end: number): Container {
  reader.offset = start;
  reader.end = end;
  const header = reader.uint32();
  const count = header & COUNT_MASK;
  const isObject = (header & OBJECT) !== 0;
  const isScalar = (header & SCALAR) !== 0;
  if (isObject === ((header & ARRAY) !== 0) || (isScalar && (isObject || count !== 1))) {
    throw reader.unfit();
  }
  const entryCount = isObject ? count * 2 : count;
  const entries = reader.offset;
  const data = entries + 4 * entryCount;
  if (data > end) throw reader.unfit();
  const ends: number[] = [];
  let last = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const word = reader.uint32();
    const length = word & COUNT_MASK;
    const next = (word & HAS_END) !== 0 ? length : last + length;
    if (next < last || data + next > end) throw reader.unfit();
    ends.push(next);
    last = next;
  }
  return { isObject, isScalar, count, entries, data, end, ends, next: 0 };
}

function typeOf(reader: DiskReader, { entries }: Container, entry: number): number {
  return reader.view.getUint32(entries + 4 * entry, true) & TYPE_MASK;
}

/** Without padding. */
function startOfEntry({ data, ends }: Container, entry: number): number {
  return data + (entry === 0 ? 0 : ends[entry - 1]!);
}

function containerAt(
  reader: DiskReader,
  container: Container,
  entry: number,
): Container | undefined {
  if (typeOf(reader, container, entry) !== CONTAINER) return undefined;
  return openContainer(reader, aligned(container, entry), container.data + container.ends[entry]!);
}

function aligned(container: Container, entry: number): number {
  const start = startOfEntry(container, entry) - container.data;
  return container.data + ((start + 3) & ~3);
}

function scalarAt(reader: DiskReader, container: Container, entry: number): string {
  const type = typeOf(reader, container, entry);
  switch (type) {
    case STRING:
      return stringAt(reader, container, entry);
    case NUMERIC: {
      reader.offset = aligned(container, entry);
      reader.end = container.data + container.ends[entry]!;
      const text = reader.stored(NUMERIC_LAYOUT, reader.offset, numeric);
      if (reader.offset !== reader.end) throw reader.unfit();
      return text;
    }
    case FALSE:
      return "false";
    case TRUE:
      return "true";
    case NULL:
      return "null";
    default:
      throw reader.unfit();
  }
}

function stringAt(reader: DiskReader, container: Container, entry: number): string {
  if (typeOf(reader, container, entry) !== STRING) throw reader.unfit();
  const start = startOfEntry(container, entry);
  reader.offset = start;
  reader.end = container.end;
  const text = reader.characters(container.data + container.ends[entry]! - start);
  return `"${ESCAPED.test(text) ? text.replace(ALL_ESCAPED, escape) : text}"`;
}

function escape(character: string): string {
  const code = character.charCodeAt(0).toString(16).padStart(4, "0");
  return SHORT_ESCAPES.get(character) ?? `\\u${code}`;
}
