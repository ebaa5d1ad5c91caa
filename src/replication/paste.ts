/** Command lines for hints: ready to paste, and leading to where this program is connected. */
import { type ConnectionTarget, clientFlags, shellQuote } from "./target.ts";

/** `psql -h … -p … -U … -d … -c '…'` */
export function psqlCommand(sql: string, target: ConnectionTarget): string {
  return `psql ${connectionFlags(target)} -c ${doubleQuoted(sql)}`;
}

/** `walctl COMMAND WORDS -h … -p … -U … -d …`, every word quoted. */
export function walctlCommand(
  words: readonly string[],
  target: ConnectionTarget,
  database: string = target.database,
): string {
  return `walctl ${words.map(shellQuote).join(" ")} ${connectionFlags(target, database)}`;
}

function connectionFlags(target: ConnectionTarget, database: string = target.database): string {
  return `${clientFlags(target)} -d ${shellQuote(databaseName(database))}`;
}

/** A name that -d would take for a connection string has to be put into one. */
function databaseName(name: string): string {
  if (!/=|^postgres(ql)?:\/\//.test(name)) return name;
  return `dbname='${name.replace(/[\\']/g, "\\$&")}'`;
}

/** SQL has single quotes in it: between double quotes it stays readable. */
function doubleQuoted(text: string): string {
  return `"${text.replace(/[\\"$`]/g, "\\$&")}"`;
}
