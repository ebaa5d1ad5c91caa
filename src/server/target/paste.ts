/** Command lines for hints: ready to paste, and for the server that this program is connected to. */
import { HOSTILE } from "../../hostile-text.ts";
import { type ConnectionTarget, clientFlags, moreSettings, shellQuote } from "./target.ts";

/** `psql -h … -p … -U … -d … -c "…"`; several statements run in one session, each in its own transaction. */
export function psqlCommand(sql: string | readonly string[], target: ConnectionTarget): string {
  const statements = typeof sql === "string" ? [sql] : sql;
  const words = statements.map((statement) => `-c ${quotedSql(statement)}`);
  return `psql ${connectionFlags(target)} ${words.join(" ")}`;
}

/** `walctl COMMAND WORDS -h … -p … -U … -d …`, with every word quoted. */
export function walctlCommand(
  words: readonly string[],
  target: ConnectionTarget,
  database: string = target.database,
): string {
  return `walctl ${words.map(shellQuote).join(" ")} ${connectionFlags(target, database)}`;
}

function connectionFlags(target: ConnectionTarget, database: string = target.database): string {
  return `${clientFlags(target)} -d ${shellQuote(databaseWord(database, moreSettings(target)))}`;
}

/** A connection string if -d would take the name for one, or if the user's own string sets more than flags can. */
function databaseWord(name: string, more: ReadonlyMap<string, string>): string {
  if (more.size === 0 && !/=|^postgres(ql)?:\/\//.test(name)) return name;
  const pairs = [["dbname", name] as const, ...more];
  return pairs.map(([keyword, value]) => `${keyword}=${quoteValue(value)}`).join(" ");
}

function quoteValue(value: string): string {
  return /^[\w./:@,-]+$/.test(value) ? value : `'${value.replace(/[\\']/g, "\\$&")}'`;
}

/** SQL contains single quotes, so it is more readable between double quotes. bash would still expand a `!` there. */
function quotedSql(text: string): string {
  return text.includes("!") || text.search(HOSTILE) >= 0
    ? shellQuote(text)
    : `"${text.replace(/[\\"$`]/g, "\\$&")}"`;
}
