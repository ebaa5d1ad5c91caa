/** DEL and C1 control characters: JSON.stringify leaves them as they are, and U+009B begins an escape sequence. */
const RAW_CONTROL = /[\u007f-\u009f]/g;

/** The JSON form of a value, without any raw control character. In JSON these can only be inside of strings. */
export function safeJson(value: unknown, keys?: string[]): string {
  return JSON.stringify(value, keys).replace(
    RAW_CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** @param keys the keys to print, in this order, on all levels; all if it is omitted */
export function jsonLine(value: unknown, keys?: string[]): string {
  return `${safeJson(value, keys)}\n`;
}
