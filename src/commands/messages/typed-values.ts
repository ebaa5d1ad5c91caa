/** Values as a user types them, beside the texts that a server sends. */

const BOOL = 16;
const BPCHAR = 1042;
const UUID = 2950;
const MOMENTS: ReadonlySet<number> = new Set([1114, 1184]);
const DATE = 1082;
const INTEGERS: ReadonlySet<number> = new Set([20, 21, 23, 26]);
const NUMBERS: ReadonlySet<number> = new Set([...INTEGERS, 700, 701, 1700]);
const NUMBER_WORD = /^(?:nan|[+-]?inf(?:inity)?|[+-]?[\d.]+e[+-]?\d+)$/i;

/** False: PostgreSQL neither reads nor prints a value of the type so. */
export function isReadable(given: string, oid: number): boolean {
  const text = normalized(given, oid);
  if (INTEGERS.has(oid)) return /^-?\d+$/.test(text);
  if (NUMBERS.has(oid)) return /^-?[\d.]+$/.test(text) || NUMBER_WORD.test(text);
  if (oid === UUID) return /^[\da-f]{32}$/.test(text);
  if (oid === BOOL) return /^(?:t|true|f|false|y|yes|n|no|on|off|1|0)$/i.test(given);
  if (oid === DATE || MOMENTS.has(oid)) return /^(?:\d{4,}-\d\d-\d\d|-?infinity$)/.test(text);
  return true;
}

/** One text of those that PostgreSQL reads as the same value. */
export function normalized(text: string, oid: number): string {
  if (NUMBERS.has(oid)) {
    const [, sign, whole = "", fraction = ""] =
      /^([+-]?)0*(\d*?)(?:\.(\d*?)0*)?$/.exec(text.trim()) ?? [];
    if (sign === undefined) return text;
    const digits = `${whole === "" ? "0" : whole}${fraction === "" ? "" : `.${fraction}`}`;
    return sign === "-" && digits !== "0" ? `-${digits}` : digits;
  }
  if (oid === UUID) return text.replace(/[-{}]/g, "").toLowerCase();
  if (oid === BOOL) return /^(?:t|y|on|1)/i.test(text) ? "t" : "f";
  if (oid === BPCHAR) return text.replace(/ +$/, "");
  return MOMENTS.has(oid) ? text.replace("T", " ").replace(/Z$/, "+00") : text;
}
