import {
  ADD,
  AGAIN,
  BLOCK,
  CLOSE,
  GREATER,
  LOOP,
  OUT_IF,
  V128,
  WasmFunction,
  constant,
  get,
  set,
  unsigned,
} from "../../web-assembly.ts";

/** How many bytes a step looks at. */
const STEP_BYTES = 64;

/**
 * From `at` on, in whole steps, how far the memory's bytes need no escape in a JSON string: the start of the first step
 * before `end` that holds a control character, DEL, a quote, a backslash or a byte that is not ASCII.
 */
export type PlainEnd = (at: number, end: number) => number;

const [AT, END, BYTES] = [0, 1, 2];
const OR = [0xfd, 0x50];
const EQUAL = [0xfd, 0x23];
/** Of signed bytes, so that it also holds for those that are not ASCII. */
const LESS = [0xfd, 0x25];
const ANY = [0xfd, 0x53];

/** while (at + 64 <= end && no byte of the 64 is special) at += 64; return at */
export const PLAIN_END = new WasmFunction<PlainEnd>(2, [V128], () => {
  const next = [...get(AT), ...constant(STEP_BYTES), ADD];
  const special = [0, 16, 32, 48].flatMap((offset, index) => [
    ...[...get(AT), 0xfd, 0x00, 4, ...unsigned(offset), ...set(BYTES)],
    ...[...get(BYTES), ...sixteen(0x20), ...LESS, ...(index === 0 ? [] : OR)],
    ...[0x22, 0x5c, 0x7f].flatMap((byte) => [...get(BYTES), ...sixteen(byte), ...EQUAL, ...OR]),
  ]);
  return [
    ...[...BLOCK, ...LOOP],
    ...[...next, ...get(END), GREATER, ...OUT_IF],
    ...[...special, ...ANY, ...OUT_IF],
    ...[...next, ...set(AT), ...AGAIN],
    ...[CLOSE, CLOSE, ...get(AT), CLOSE],
  ];
});

/** v128.const */
function sixteen(byte: number): readonly number[] {
  return [0xfd, 0x0c, ...Array.from({ length: 16 }, () => byte)];
}
