/** Values as a user types them, beside the texts that a server sends. */
import { parseLsn, unpadded } from "../../lsn.ts";
import { familyOf } from "../../postgres/types/table.ts";

const NUMBER_WORD = /^(?:nan|[+-]?inf(?:inity)?|[+-]?[\d.]+e[+-]?\d+)$/i;

/** False: PostgreSQL neither reads nor prints a value of the type so. */
export function isReadable(given: string, oid: number): boolean {
  const text = normalized(given, oid);
  switch (familyOf(oid)) {
    case "integer":
    case "oid":
      return /^-?\d+$/.test(text);
    case "float":
    case "numeric":
      return /^-?[\d.]+$/.test(text) || NUMBER_WORD.test(text);
    case "uuid":
      return /^[\da-f]{32}$/.test(text);
    case "boolean":
      return /^(?:t|true|f|false|y|yes|n|no|on|off|1|0)$/i.test(given);
    case "lsn":
      return parseLsn(given) !== undefined;
    case "date":
    case "timestamp":
    case "timestamptz":
      return /^(?:\d{4,}-\d\d-\d\d|-?infinity$)/.test(text);
    default:
      return true;
  }
}

/** One text of those that PostgreSQL reads as the same value. */
export function normalized(text: string, oid: number): string {
  switch (familyOf(oid)) {
    case "integer":
    case "oid":
    case "float":
    case "numeric":
      return normalizedNumber(text);
    case "uuid":
      return text.replace(/[-{}]/g, "").toLowerCase();
    case "boolean":
      return /^(?:t|y|on|1)/i.test(text) ? "t" : "f";
    case "lsn":
      return unpadded(text);
    case "padded":
      return text.replace(/ +$/, "");
    case "timestamp":
    case "timestamptz":
      return text.replace("T", " ").replace(/Z$/, "+00");
    default:
      return text;
  }
}

function normalizedNumber(text: string): string {
  const [, sign, whole = "", fraction = ""] =
    /^([+-]?)0*(\d*?)(?:\.(\d*?)0*)?$/.exec(text.trim()) ?? [];
  if (sign === undefined) return text;
  const digits = `${whole === "" ? "0" : whole}${fraction === "" ? "" : `.${fraction}`}`;
  return sign === "-" && digits !== "0" ? `-${digits}` : digits;
}
