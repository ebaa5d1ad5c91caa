/** A line of NDJSON as values that compare exactly: JSON.parse() would round numbers. */

/** A number with a fraction that no double holds. */
export class Decimal {
  readonly #digits: bigint;
  /** Of the digits, how many stand behind the point. */
  readonly #scale: number;

  private constructor(digits: bigint, scale: number) {
    this.#digits = digits;
    this.#scale = scale;
  }

  /** @throws RangeError for what is no number, or of another size than PostgreSQL's numeric */
  static parse(this: void, text: string): Decimal {
    const match = /^(-?\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
    const [, whole = "", fraction = "", exponent = "0"] = match ?? [];
    const scale = fraction.length - Number(exponent);
    if (match === null || Math.abs(scale) > SCALE_MAX) throw new RangeError("not a decimal number");
    const digits = BigInt(whole + fraction);
    return scale < 0 ? new Decimal(digits * 10n ** BigInt(-scale), 0) : new Decimal(digits, scale);
  }

  /** Negative: `one` is less. NaN: one of them is not a number. */
  static compare(
    this: void,
    one: Decimal | bigint | number,
    other: Decimal | bigint | number,
  ): number {
    if (typeof one === "number" && !Number.isFinite(one)) return one;
    if (typeof other === "number" && !Number.isFinite(other)) return -other;
    const [a, b] = [decimalOf(one), decimalOf(other)];
    const scale = Math.max(a.#scale, b.#scale);
    const difference =
      a.#digits * 10n ** BigInt(scale - a.#scale) - b.#digits * 10n ** BigInt(scale - b.#scale);
    return difference < 0n ? -1 : Number(difference > 0n);
  }
}

/** numeric has up to 131,072 digits before the point and 16,383 behind it. */
const SCALE_MAX = 150_000;
/** Significant digits that every double keeps (DBL_DIG). */
const DOUBLE_DIGITS = 15;

function decimalOf(value: Decimal | bigint | number): Decimal {
  return value instanceof Decimal ? value : Decimal.parse(String(value));
}

/** An integer is a bigint, another number a double where that is the same number. */
function numberOf(text: string): bigint | number | Decimal {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  const number = Number(text);
  if (text.length <= DOUBLE_DIGITS && !/e/i.test(text)) return number;
  try {
    const exact = Decimal.parse(text);
    return Decimal.compare(exact, number) === 0 ? number : exact;
  } catch {
    return number;
  }
}

/** Deeper ones are their text: the call stack has an end. */
const DEPTH_MAX = 200;
const BETWEEN = /[\s,:]*/y;
const WORD = /[[\]{}]|[^\s,:"[\]{}]+/y;

/**
 * Those fields of a line that walctl has made. Objects are Maps: a column may be called `__proto__`.
 * @param wanted reading ends when it has them all
 */
export function readExactLine(
  line: string,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, unknown> {
  let at = 0;
  const next = (): string => {
    at = endOf(BETWEEN, line, at);
    const start = at;
    at = line[at] === '"' ? stringEnd(line, at) : endOf(WORD, line, at);
    return line.slice(start, at);
  };
  const value = (token: string, depth: number): unknown => {
    if (depth > DEPTH_MAX && (token === "{" || token === "[")) return textFrom(token);
    switch (token[0]) {
      case '"':
        return stringOf(token);
      case "{": {
        const object = new Map<string, unknown>();
        for (let key = next(); key !== "}"; key = next()) {
          object.set(stringOf(key), value(next(), depth + 1));
        }
        return object;
      }
      case "[": {
        const list: unknown[] = [];
        for (let item = next(); item !== "]"; item = next()) list.push(value(item, depth + 1));
        return list;
      }
      case "t":
      case "f":
      case "n":
        return JSON.parse(token) as boolean | null;
      default:
        return numberOf(token);
    }
  };
  const textFrom = (opening: string): string => {
    const start = at - opening.length;
    for (let depth = 1; depth > 0;) {
      const token = next();
      if (token === "{" || token === "[") depth++;
      else if (token === "}" || token === "]") depth--;
    }
    return line.slice(start, at);
  };
  const fields = new Map<string, unknown>();
  next();
  for (let key = next(); key !== "}" && fields.size < wanted.size; key = next()) {
    const name = stringOf(key);
    const field = value(next(), 1);
    if (wanted.has(name)) fields.set(name, field);
  }
  return fields;
}

function stringOf(token: string): string {
  return token.includes("\\") ? (JSON.parse(token) as string) : token.slice(1, -1);
}

function endOf(pattern: RegExp, line: string, start: number): number {
  pattern.lastIndex = start;
  pattern.test(line);
  return pattern.lastIndex;
}

/** Behind the quote that ends it: one that an even number of backslashes precedes. */
function stringEnd(line: string, start: number): number {
  for (let end = start; ;) {
    end = line.indexOf('"', end + 1);
    let before = end - 1;
    while (line[before] === "\\") before--;
    if ((end - before) % 2 === 1) return end + 1;
  }
}
