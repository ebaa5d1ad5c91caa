/** The bits of an interval's modifier (PostgreSQL's utils/timestamp.h), by SQL's names of the fields. */
const [MONTH, YEAR, DAY, HOUR, MINUTE, SECOND] = [1, 2, 3, 10, 11, 12].map((bit) => 1 << bit);
const FULL_RANGE = 0x7fff;
const FULL_PRECISION = 0xffff;

const FIELDS = new Map<number, string>(
  (
    [
      [[YEAR], "year"],
      [[MONTH], "month"],
      [[DAY], "day"],
      [[HOUR], "hour"],
      [[MINUTE], "minute"],
      [[SECOND], "second"],
      [[YEAR, MONTH], "year to month"],
      [[DAY, HOUR], "day to hour"],
      [[DAY, HOUR, MINUTE], "day to minute"],
      [[DAY, HOUR, MINUTE, SECOND], "day to second"],
      [[HOUR, MINUTE], "hour to minute"],
      [[HOUR, MINUTE, SECOND], "hour to second"],
      [[MINUTE, SECOND], "minute to second"],
    ] as const
  ).map(([bits, name]) => [bits.reduce<number>((mask, bit) => mask | (bit ?? 0), 0), name]),
);

/** The text behind `interval`, with its leading space if there is one: ` day to second(3)`. */
export function intervalModifier(modifier: number): string {
  if (modifier < 0) return "";
  const range = (modifier >> 16) & FULL_RANGE;
  const precision = modifier & FULL_PRECISION;
  const fields = range === FULL_RANGE ? undefined : FIELDS.get(range);
  const digits = precision === FULL_PRECISION ? "" : `(${precision})`;
  return `${fields === undefined ? "" : ` ${fields}`}${digits}`;
}
