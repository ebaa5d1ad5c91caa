/** The statements that src/server sends, read off its sources. */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOM = fileURLToPath(new URL("../../../../src/server", import.meta.url));

interface SentStatement {
  readonly file: string;
  /** On one line. */
  readonly text: string;
  /** What it looks like when it is sent, on one line. */
  readonly pattern: RegExp;
}

/** A query written where it is sent, as a template or a string. */
const CALL =
  /\bquery(?:Rows|AlongOwnPath)(?:<[^(]*>)?\(\s*\w+,\s*(?:\/\/[^\n]*\s*)*(?:`((?:[^`\\]|\\.)*)`|"([^"\n]*)")/g;

export function sentStatements(): readonly SentStatement[] {
  return readdirSync(ROOM, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const calls = readFileSync(`${ROOM}/${file}`, "utf8").matchAll(CALL);
      return Array.from(calls, ([, template, string]) => statement(file, template ?? string ?? ""));
    });
}

function statement(file: string, source: string): SentStatement {
  // Up to a template within the template, where CALL ends.
  const text = source
    .replace(/\s+/g, " ")
    .replace(/\$\{[^}]*$/, "")
    .trim();
  const parts = text
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return { file, text, pattern: new RegExp(parts.join(".*?")) };
}
