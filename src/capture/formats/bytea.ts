import { DecodeError } from "../../errors.ts";

const BACKSLASH = 0x5c;
const LOWER_X = 0x78;

const NO_DIGIT = 0xff;
const HEX_DIGITS = new Uint8Array(256).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit++) {
  HEX_DIGITS[digit.toString(16).charCodeAt(0)] = digit;
  HEX_DIGITS[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Undefined if the byte is not a hexadecimal digit. */
export function hexDigit(byte: number): number | undefined {
  const digit = HEX_DIGITS[byte];
  return digit === NO_DIGIT ? undefined : digit;
}

/** The bytes of a bytea and their positions in the text, so that a fault is reported by its place in the file. */
export interface Bytea {
  /** A view, valid until the next call. */
  readonly bytes: Uint8Array;
  sourceOf(offset: number): number;
}

/** Decodes the text forms of bytea: `\x…`, and what bytea_output = escape prints. */
export class ByteaDecoder {
  #out = new Uint8Array(4096);

  #fault: DecodeError | undefined;

  /** `from` and `to` delimit the value in `text`. The offset of a DecodeError counts from the start of `text`. */
  decode(text: Uint8Array, from: number, to: number): Bytea {
    const bytea = this.salvage(text, from, to);
    if (this.#fault !== undefined) throw this.#fault;
    return bytea;
  }

  /** Decodes as much as possible, whatever is wrong with it. */
  salvage(text: Uint8Array, from: number, to: number): Bytea {
    this.#fault = undefined;
    if (this.#out.length < to - from) this.#out = new Uint8Array(to - from);
    return text[from] === BACKSLASH && text[from + 1] === LOWER_X
      ? this.salvageHex(text, from + 2, to)
      : this.#decodeEscape(text, from, to);
  }

  /** Like salvage(), for digits without the leading `\x`. */
  salvageHex(text: Uint8Array, from: number, to: number): Bytea {
    const out = this.#out;
    let length = 0;
    for (let at = from; at + 1 < to; at += 2) {
      const high = HEX_DIGITS[text[at] ?? 0] ?? NO_DIGIT;
      const low = HEX_DIGITS[text[at + 1] ?? 0] ?? NO_DIGIT;
      if ((high | low) > 0x0f) {
        const wrong = high === NO_DIGIT ? at : at + 1;
        this.#fault ??= new DecodeError("bytea: not a hexadecimal digit", wrong);
      }
      out[length++] = (high << 4) | low;
    }
    if ((to - from) % 2 !== 0) this.#fault ??= new DecodeError("bytea: half a byte at its end", to);
    return { bytes: out.subarray(0, length), sourceOf: (offset) => from + 2 * offset };
  }

  /** `\\` is a backslash, `\ooo` an octal byte; any other byte stands for itself. */
  #decodeEscape(text: Uint8Array, from: number, to: number): Bytea {
    const out = this.#out;
    let length = 0;
    for (let at = from; at < to; at++) {
      const byte = text[at] ?? 0;
      if (byte !== BACKSLASH) {
        out[length++] = byte;
      } else if (text[at + 1] === BACKSLASH && at + 1 < to) {
        out[length++] = BACKSLASH;
        at++;
      } else {
        const value = this.#octalByte(text, at, to);
        out[length++] = value ?? byte;
        if (value !== undefined) at += 3;
      }
    }
    return { bytes: out.subarray(0, length), sourceOf: () => from };
  }

  #octalByte(text: Uint8Array, backslash: number, to: number): number | undefined {
    let value = 0;
    for (let at = backslash + 1; at <= backslash + 3; at++) {
      const digit = (text[at] ?? 0) - 0x30;
      if (at >= to || digit < 0 || digit > 7) {
        const what = "bytea: a backslash without three octal digits";
        this.#fault ??= new DecodeError(what, backslash);
        return undefined;
      }
      value = value * 8 + digit;
    }
    if (value <= 0xff) return value;
    this.#fault ??= new DecodeError("bytea: an octal number above \\377", backslash);
    return undefined;
  }
}
