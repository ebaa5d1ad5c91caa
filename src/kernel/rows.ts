/**
 * AssemblyScript: the rows of raw captures → lines of NDJSON, as src/render/ndjson prints them, byte for byte.
 * Law: what is not known here (a message, a table, a form of a value, damage) is not printed: render() stops before that
 * row, and JavaScript decides.
 * Way in: src/render/ndjson/row-kernel, which lays out the memory and calls render().
 */
import { copy, value } from "./values";
export { escape, stopped } from "./text";

/** Where things are in the memory. Each part is followed by room for what is read or written in steps of 16 bytes. */
export const TABLE: usize = 0x1000;
const TABLE_SLOTS: u32 = 256;
const MISSING: usize = 0x2000;
export const HEADS: usize = 0x3000;
export const PLANS: usize = 0x4000;
export const PLANS_END: usize = 0x3f000;
export const INPUT: usize = 0x40000;
export const INPUT_BYTES: usize = 0x100000;
export const OUTPUT: usize = 0x150000;
export const OUTPUT_BYTES: usize = 0x800000;
const OUTPUT_END: usize = OUTPUT + OUTPUT_BYTES;

/** Room for the head of a line, and for what a value takes beyond eight times its bytes. An escape takes six. */
const FRAME_BYTES: usize = 4096;

/**
 * A plan: the oid, how many columns, where the head is and its length, whether a column is of the identity, the length
 * of all keys; then for each column where its key is, its length, its kind, whether it is of the identity.
 */
const PLAN_BYTES: usize = 24;
const COLUMN_BYTES: usize = 16;

const INSERT: u8 = 0x49;
const UPDATE: u8 = 0x55;
const DELETE: u8 = 0x44;
const NEW: u8 = 0x4e;
const OLD: u8 = 0x4f;
const KEY: u8 = 0x4b;
const IS_NULL: u8 = 0x6e;
const IS_TEXT: u8 = 0x74;
const IS_UNCHANGED: u8 = 0x75;
const LINE_FEED: u8 = 0x0a;

/** After render(): where it stopped, where its last row starts, how far it wrote. */
export let at: usize = 0;
export let last: usize = 0;
export let written: usize = 0;

/** Where tuple() stopped. */
let tupleEnd: usize = 0;
let anyMissing: bool = false;

@inline
function be16(p: usize): u32 {
  return bswap<u16>(load<u16>(p));
}

@inline
function be32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

export function forget(): void {
  memory.fill(TABLE, 0, TABLE_SLOTS * 4);
}

export function learn(plan: usize): void {
  let slot = load<u32>(plan) & (TABLE_SLOTS - 1);
  while (load<u32>(TABLE + slot * 4) != 0) slot = (slot + 1) & (TABLE_SLOTS - 1);
  store<u32>(TABLE + slot * 4, <u32>plan);
}

/** 0: none is known. */
function planOf(oid: u32): usize {
  let slot = oid & (TABLE_SLOTS - 1);
  while (true) {
    const plan = <usize>load<u32>(TABLE + slot * 4);
    if (plan == 0 || load<u32>(plan) == oid) return plan;
    slot = (slot + 1) & (TABLE_SLOTS - 1);
  }
}

/** Prints rows from `start` on to `output`. `separated`: a line feed follows each. */
export function render(start: usize, end: usize, output: usize, separated: bool): void {
  let p = start;
  let o = output;
  let plan: usize = 0;
  let oid: u32 = 0;
  last = start;
  while (p + 8 <= end) {
    if (o + FRAME_BYTES > OUTPUT_END) break;
    if (plan == 0 || be32(p + 1) != oid) {
      oid = be32(p + 1);
      plan = planOf(oid);
      if (plan == 0) break;
    }
    const line = row(p, end, o, plan);
    if (line == 0) break;
    let next = tupleEnd;
    if (separated) {
      if (next >= end || load<u8>(next) != LINE_FEED) break;
      next++;
    }
    o = line;
    last = p;
    p = next;
  }
  at = p;
  written = o;
}

/** Returns where the line ends; 0 if the row is not known, is not whole, or does not fit. */
function row(p: usize, end: usize, start: usize, plan: usize): usize {
  const tag = load<u8>(p);
  if (tag != INSERT && tag != UPDATE && tag != DELETE) return 0;
  // The transaction's heads: for each kind where it is, and its length.
  const head = HEADS + (tag == INSERT ? 0 : tag == UPDATE ? 8 : 16);
  let o = copy(start, load<u32>(head), load<u32>(head, 4));
  o = copy(o, load<u32>(plan, 8), load<u32>(plan, 12));
  anyMissing = false;
  tupleEnd = p + 5;
  let part = load<u8>(tupleEnd);
  if (tag != INSERT && (part == KEY || part == OLD)) {
    // ,"key": or ,"old":
    store<u64>(o, part == KEY ? 0x3a2279656b222c : 0x3a22646c6f222c);
    o = tuple(tupleEnd + 1, end, o + 7, plan, part == KEY);
    if (o == 0) return 0;
    if (tag == UPDATE) {
      if (tupleEnd >= end) return 0;
      part = load<u8>(tupleEnd);
    }
  } else if (tag == DELETE) return 0;
  if (tag != DELETE) {
    if (part != NEW) return 0;
    // ,"new":
    store<u64>(o, 0x3a2277656e222c);
    o = tuple(tupleEnd + 1, end, o + 7, plan, false);
    if (o == 0) return 0;
  }
  if (anyMissing) {
    o = missing(o, plan);
    if (o == 0) return 0;
  }
  // }\n
  store<u16>(o, 0x0a7d);
  return o + 2;
}

/** `{column:value,…}`; 0 if it is not known. A key tuple holds only the identity's columns. */
function tuple(start: usize, end: usize, open: usize, plan: usize, keyOnly: bool): usize {
  const count = load<u32>(plan, 4);
  if (start + 2 > end || be16(start) != count) return 0;
  const keyed = load<u32>(plan, 16) != 0;
  let p = start + 2;
  let o = open;
  let column = plan + PLAN_BYTES;
  for (let index: u32 = 0; index < count; index++, column += COLUMN_BYTES) {
    if (p >= end) return 0;
    const kind = load<u8>(p++);
    const keyLength: usize = load<u32>(column, 4);
    if (kind == IS_UNCHANGED) {
      if (!anyMissing) memory.fill(MISSING, 0, 1600);
      anyMissing = true;
      store<u8>(MISSING + index, 1);
      continue;
    }
    let length: usize = 0;
    if (kind == IS_TEXT) {
      if (p + 4 > end) return 0;
      length = be32(p);
      p += 4;
      if (length > end - p) return 0;
    } else if (kind != IS_NULL) return 0;
    if (o + keyLength + length * 8 + FRAME_BYTES > OUTPUT_END) return 0;
    if (keyOnly && !(keyed ? load<u32>(column, 12) != 0 : kind != IS_NULL)) {
      p += length;
      continue;
    }
    o = copy(o, load<u32>(column), keyLength);
    if (kind == IS_NULL) {
      store<u32>(o, 0x6c6c756e);
      o += 4;
    } else {
      o = value(load<u32>(column, 8), p, p + length, o);
      if (o == 0) return 0;
      p += length;
    }
  }
  // A key starts with a comma; the first one becomes the brace.
  store<u8>(open, 0x7b);
  if (o == open) o++;
  store<u8>(o, 0x7d);
  tupleEnd = p;
  return o + 1;
}

/** `,"unchanged":[…]`, the columns whose values the server did not send. */
function missing(start: usize, plan: usize): usize {
  if (start + load<u32>(plan, 20) + FRAME_BYTES > OUTPUT_END) return 0;
  store<u64>(start, 0x6e6168636e75222c);
  store<u64>(start + 8, 0x5b3a22646567);
  let o = start + 14;
  let column = plan + PLAN_BYTES;
  const count = load<u32>(plan, 4);
  for (let index: u32 = 0; index < count; index++, column += COLUMN_BYTES) {
    if (load<u8>(MISSING + index) == 0) continue;
    if (o > start + 14) store<u8>(o++, 0x2c);
    // The key without its comma and colon.
    o = copy(o, load<u32>(column) + 1, load<u32>(column, 4) - 2);
  }
  store<u8>(o, 0x5d);
  return o + 1;
}
