import { ByteWriter } from "./byte-writer.ts";
import {
  ACTIONS,
  AFTER_VALUE,
  CLOSE,
  COMMA,
  IN_TEXT,
  KEY,
  KEY_OR_END,
  NEXT,
  OPEN_LIST,
  OPEN_OBJECT,
  OPEN_TEXT,
  SPECIAL,
  VALUE,
  VALUE_OR_END,
  WHITE,
  mayEnd,
} from "./json-grammar.ts";
import {
  ESCAPE_BYTES_MAX,
  isC1,
  specialsInString,
  writeBase64,
  writeSpecial,
  writeString,
} from "./json-text.ts";
import { isExactDouble, numberEnd } from "./numbers.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { isUtf8Text } from "./utf8.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DEL = 0x7f;
const OBJECT_END = 0x7d;
const LIST_END = 0x5d;

/** What became of the bytes: written, no JSON, or rare things that whoever writes them has to see to before. */
const WRITTEN = 0;
const NO_JSON = 1;
const TO_ESCAPE = 2;
const TOO_DEEP = 3;

const DEPTH = 64;
/** The closing bytes of what is open, outermost first. */
let closers = new Uint8Array(DEPTH);
/** Whether the value being written is ASCII up to now: nothing is made for a value. */
let ascii = true;

/**
 * Embeds bytes[start, end), which are JSON, as they are, but for white space between tokens, which becomes spaces, so
 * that it stays on one line. What is no JSON (of a damaged capture) becomes a string.
 */
export const writeJson: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  ascii = true;
  let outcome = writeChecked(out, bytes, view, start, end);
  if (outcome > NO_JSON) outcome = writeRare(out, bytes, start, end, outcome);
  if (outcome === NO_JSON) {
    out.offset = before;
    writeString(out, bytes, view, start, end);
  } else if (!ascii && !isUtf8Text(bytes, start, end)) {
    out.offset = before;
    writeBase64(out, "bytes_base64", bytes.subarray(start, end));
  }
};

/**
 * No recursion: a value may nest as deep as it is long. Actions stand in the order of how often they come. Where the
 * bytes go stays the same throughout, which is worth a third of the time: so what needs another place ends it.
 */
function writeChecked(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): number {
  out.reserve(end - start + ESCAPE_BYTES_MAX);
  const next = NEXT;
  const stack = closers;
  const { bytes: target, view: targetView } = out;
  /** From where a byte stands to where it goes. */
  const shift = out.offset - start;
  let depth = 0;
  let state = VALUE;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    target[at + shift] = byte;
    const from = state;
    state = next[from + byte]!;
    if (state < ACTIONS) continue;
    if (state === OPEN_TEXT) {
      while (at + 8 < end) {
        const word = view.getInt32(at + 1);
        if (specialsInString(word) !== 0) break;
        targetView.setInt32(at + 1 + shift, word);
        at += 4;
      }
      state = IN_TEXT;
    } else if (state === COMMA) {
      if (depth === 0) return NO_JSON;
      state = stack[depth - 1] === OBJECT_END ? KEY : VALUE;
    } else if (state === OPEN_OBJECT) {
      if (depth === stack.length) return TOO_DEEP;
      stack[depth++] = OBJECT_END;
      state = KEY_OR_END;
    } else if (state === OPEN_LIST) {
      if (depth === stack.length) return TOO_DEEP;
      stack[depth++] = LIST_END;
      state = VALUE_OR_END;
    } else if (state === CLOSE) {
      if (depth === 0 || stack[--depth] !== byte) return NO_JSON;
      state = AFTER_VALUE;
    } else if (state === WHITE) {
      target[at + shift] = SPACE;
      state = next[from + SPACE]!;
    } else if (state === SPECIAL) {
      if (byte === DEL || isC1(bytes, at, end)) return TO_ESCAPE;
      ascii = false;
      state = from;
    } else {
      return NO_JSON;
    }
  }
  out.offset = end + shift;
  return depth === 0 && mayEnd(state) ? WRITTEN : NO_JSON;
}

/** Once more, with a deeper stack, and DEL and C1 control characters escaped. */
function writeRare(
  out: ByteWriter,
  bytes: Uint8Array,
  start: number,
  end: number,
  reason: number,
): number {
  let json = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  let outcome = reason;
  while (outcome > NO_JSON) {
    if (outcome === TOO_DEEP) closers = new Uint8Array(closers.length * 4);
    else json = escapeControls(json);
    const view = new DataView(json.buffer, json.byteOffset, json.length);
    outcome = writeChecked(out, json, view, 0, json.length);
  }
  closers = new Uint8Array(DEPTH);
  return outcome;
}

function escapeControls(json: Uint8Array): Buffer {
  const escaped = new ByteWriter(json.length * 2);
  for (let at = 0; at < json.length;) {
    if (json[at] === DEL || isC1(json, at, json.length)) at += writeSpecial(escaped, json, at);
    else escaped.byte(json[at++]!);
  }
  return Buffer.from(escaped.take());
}

/** As writeJson, with numbers that a JavaScript double does not hold exactly as strings. */
export const writeSafeJson: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  writeJson(out, bytes, view, start, end);
  // What was written is JSON, whatever the bytes were.
  const json = Buffer.from(out.bytes.subarray(before, out.offset));
  let copied = 0;
  out.offset = before;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      at = endOfText(json, at);
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      const stop = numberEnd(json, at, json.length);
      if (!isExactDouble(json, at, stop)) {
        out.copy(json, copied, at);
        out.byte(QUOTE);
        out.copy(json, at, stop);
        out.byte(QUOTE);
        copied = stop;
      }
      at = stop - 1;
    }
  }
  out.copy(json, copied, json.length);
};

/** The quote that ends what starts with the one at `open`. */
function endOfText(json: Uint8Array, open: number): number {
  let at = open + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
