/** The text of contrib's seg (seg/seg.c). */

export interface SegBound {
  readonly value: number;
  /** As many as were given. */
  readonly digits: number;
  /** `<`, `>` or `~`; `-`: there is no bound; NUL: no mark. */
  readonly mark: string;
}

/** `~1.5`, `1.0 .. <2.5e3`, `.. 7` */
export function formatSeg(lower: SegBound, upper: SegBound): string {
  if (lower.value === upper.value && lower.mark === upper.mark) return formatBound(lower);
  const from = lower.mark === "-" ? "" : `${formatBound(lower)} `;
  return `${from}..${upper.mark === "-" ? "" : ` ${formatBound(upper)}`}`;
}

const MARKS = "<>~";
/** FLT_DIG */
const DIGITS_MAX = 6;
/** Beyond it the exponent is as printf writes it. */
const PLAIN_EXPONENT_MAX = 4;

function formatBound({ value, digits, mark }: SegBound): string {
  const prefix = MARKS.includes(mark) ? mark : "";
  // The count is signed.
  const length = digits === 0 || digits > 127 ? DIGITS_MAX : Math.min(digits, DIGITS_MAX);
  return prefix + formatDigits(value, length);
}

/** As restore() does: with exactly so many significant digits. */
function formatDigits(value: number, length: number): string {
  if (!Number.isFinite(value)) return String(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "", power = ""] = rounded(Math.abs(value), length).split("e");
  const exponent = Number(power);
  if (exponent === 0) return sign + mantissa;
  if (Math.abs(exponent) > PLAIN_EXPONENT_MAX) {
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const all = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${all}`;
  if (exponent + 1 >= length) return `${sign}${mantissa}e${exponent}`;
  return `${sign}${all.slice(0, exponent + 1)}.${all.slice(exponent + 1)}`;
}

/** toExponential(), but halves are rounded to the even digit, as printf does. */
function rounded(value: number, length: number): string {
  const [exact = "", power = ""] = value.toExponential(20).split("e");
  const digits = exact.replace(".", "");
  const isHalf = /^50*$/.test(digits.slice(length));
  if (!isHalf || Number(digits[length - 1]) % 2 === 1) return value.toExponential(length - 1);
  const kept = digits.slice(0, length);
  return `${kept[0]}${length > 1 ? `.${kept.slice(1)}` : ""}e${power}`;
}
