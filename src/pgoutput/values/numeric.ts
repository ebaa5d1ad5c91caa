import type { BinaryReader } from "./binary-reader.ts";

const GROUP_DIGITS = 4;
const GROUP_MAX = 9999;

const NEGATIVE = 0x4000;
/** Values of the sign field that stand for the whole number. */
const SPECIAL = new Map([
  [0xc000, "NaN"],
  [0xd000, "Infinity"],
  [0xf000, "-Infinity"],
]);

/**
 * Int16 groups  Int16 weight  UInt16 sign  UInt16 scale  { Int16 0 to 9999 }×groups
 *
 * The first group counts 10000^weight, the next one 10000^(weight - 1), and so on. Groups missing at either end are 0.
 * The scale is the number of decimal digits behind the point, whatever the groups are.
 */
export function numeric(reader: BinaryReader): string {
  const count = reader.uint16();
  const weight = reader.int16();
  const sign = reader.uint16();
  const scale = reader.uint16();
  const groups: string[] = [];
  for (let group = 0; group < count; group++) groups.push(readGroup(reader));

  const special = SPECIAL.get(sign);
  if (special !== undefined) return special;
  if (sign !== 0 && sign !== NEGATIVE) throw reader.unfit();
  const whole = digitsOf(groups, 0, weight + 1).replace(/^0+(?=.)/, "");
  const fraction = digitsOf(groups, weight + 1, Math.ceil(scale / GROUP_DIGITS));
  const point = scale > 0 ? `.${fraction.slice(0, scale)}` : "";
  return `${sign === NEGATIVE ? "-" : ""}${whole === "" ? "0" : whole}${point}`;
}

function readGroup(reader: BinaryReader): string {
  const group = reader.uint16();
  if (group > GROUP_MAX) throw reader.unfit();
  return String(group).padStart(GROUP_DIGITS, "0");
}

/** The digits of `count` groups from group `first` on, which may precede the first group that was sent. */
function digitsOf(groups: readonly string[], first: number, count: number): string {
  let digits = "";
  for (let at = first; at < first + count; at++) digits += groups[at] ?? "0000";
  return digits;
}
