import { type Command, Help, InvalidArgumentError, Option, type OptionValues } from "commander";
import { usageError } from "../errors.ts";

/**
 * An option that the environment can set for all runs: `--slot` by WALCTL_SLOT. Only options that name an object or
 * choose how it is shown can be set this way; options that act, or that concern one run, must be on the command line.
 */
export function setting(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`WALCTL_${option.name().toUpperCase().replaceAll("-", "_")}`);
}

/** A flag that may be repeated. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** --output, which may not be repeated. @throws WalctlError, a usage error */
export function oneFile(value: string, previous: string | undefined): string {
  if (previous === undefined) return value;
  throw usageError("--output takes one file, and is given twice");
}

type Example = readonly [what: string, line: string];

const EXAMPLES = new WeakMap<Command, readonly Example[]>();

/** The man page reads them. */
export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? [];
}

/** Examples below the help: the purpose, then the command. */
export function examples(command: Command, ...pairs: readonly Example[]): Command {
  EXAMPLES.set(command, pairs);
  const text = pairs.map(([what, line]) => `  # ${what}\n  ${line}\n`).join("\n");
  return command.addHelpText("after", `\nExamples:\n${text}`);
}

/** What people use first, of a command with many options. */
const FIRST = new WeakMap<Command, readonly string[]>();
/** The commands whose help shows only these. */
const SHORT = new WeakSet<Command>();

export function firstOptions(command: Command, ...longs: readonly string[]): Command {
  FIRST.set(command, longs);
  return command;
}

/** Without --all. The man page and the reference have all options. */
export function shortenHelp(command: Command): void {
  const first = FIRST.get(command);
  if (first === undefined) return;
  SHORT.add(command);
  const formatHelp = (_: Command, helper: Help): string => {
    const options = helper.visibleOptions(command);
    helper.visibleOptions = () => options.filter(({ long }) => first.includes(long ?? ""));
    const more = `walctl ${command.name()} --help --all shows all ${options.length} options and the signs of tables.`;
    return `${Help.prototype.formatHelp.call(helper, command, helper)}\n${more}\n`;
  };
  command.configureHelp({ ...command.configureHelp(), formatHelp });
}

export function connectionOptions(command: Command): Command {
  return command
    .optionsGroup("Connection (as in libpq; PGHOST and the other variables apply too):")
    .option("-d, --dbname <name>", 'database, URI or "key=value ..." string')
    .option("-h, --host <host>", "server host, or the directory of its socket")
    .option("-p, --port <port>", "server port")
    .option("-U, --username <name>", "role to connect as")
    .option(
      "-W, --password",
      "ask for the password before connecting (else: if the server wants one and there is a terminal)",
    )
    .option("--no-password", "never ask for a password");
}

/** Formats of every command; message commands add three. */
const FORMATS = ["auto", "table", "ndjson"];
export const MESSAGE_FORMATS = [...FORMATS, "wal2json", "debezium", "sql"];
export const STATUS_FORMATS = [...FORMATS, "openmetrics"];
const ALL_FORMATS = new Set([...MESSAGE_FORMATS, ...STATUS_FORMATS]);

export function outputOptions(command: Command, formats: readonly string[] = FORMATS): Command {
  return command
    .optionsGroup("Format, colours and width:")
    .on("optionEnv:format", () => void environments.add(command))
    .hook("preAction", () => ignoreSettingsOfOthers(command))
    .addOption(formatOption(command, formats))
    .addOption(new Option("--json", "the same as -F ndjson").implies({ format: "ndjson" }))
    .addOption(
      new Option("--color <when>", "auto: on a terminal, unless NO_COLOR or FORCE_COLOR say else")
        .choices(["auto", "always", "never"])
        .default("auto"),
    )
    .option("--no-color", "the same as --color never")
    .option(
      "--width <columns>",
      "lay tables out for this width (default: COLUMNS, then the terminal's)",
      parseWidth,
    )
    .option("-q, --quiet", "no progress and no notices on standard error");
}

const WIDTH_MIN = 20;
const WIDTH_MAX = 10_000;

function parseWidth(text: string): number {
  const columns = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (columns >= WIDTH_MIN && columns <= WIDTH_MAX) return columns;
  throw new InvalidArgumentError(`It is a number of columns from ${WIDTH_MIN} to ${WIDTH_MAX}.`);
}

/** Commands whose format comes from the environment; commander does not pass that to the option's parser. */
const environments = new WeakSet<Command>();

/** The environment applies to all commands, so a format there that this command lacks is ignored. */
function formatOption(command: Command, formats: readonly string[]): Option {
  const option = setting("-F, --format <format>", "auto: table on a terminal, ndjson otherwise")
    .choices(formats)
    .default("auto");
  const { parseArg: parseChoice } = option;
  return option.argParser((given: string, previous: string) => {
    const value = /^(?:json|jsonl|jsonlines)$/i.test(given) ? "ndjson" : given;
    const fits = formats.includes(value) && suits(value, command.opts());
    if (environments.has(command) && ALL_FORMATS.has(value) && !fits) return "auto";
    return parseChoice === undefined ? value : parseChoice(value, previous);
  });
}

/** Whether the given flags allow the format. */
function suits(format: string, { output, ...flags }: OptionValues): boolean {
  if (output !== undefined && output !== "-") return format === "ndjson";
  return format === "table" || TABLE_FLAGS.every((name) => flags[name] === undefined);
}

/** wal2json and Debezium have one form of values and transactions: other forms in the environment are ignored. */
function ignoreSettingsOfOthers(command: Command): void {
  const { format } = command.opts<{ format: string }>();
  if (FORMATS.includes(format)) return;
  for (const [name, value] of Object.entries({ values: "json", streaming: "off" })) {
    if (command.getOptionValueSource(name) === "env") command.setOptionValue(name, value);
  }
}

export function publicationOptions(command: Command): Command {
  return command
    .option(
      "-t, --table <table>",
      "publish 'schema.table [(column, ...)] [WHERE expression]'; may be repeated",
      collect,
    )
    .option("--schema <name>", "publish all tables of the schema; may be repeated", collect)
    .option("--all-tables", "publish all tables, including those created later");
}

export function valueOptions(command: Command): Command {
  return command
    .addOption(
      setting("--values <form>", "json: as row_to_json prints them; text: as the server sends them")
        .choices(["json", "text"])
        .default("json"),
    )
    .option(
      "--safe-numbers",
      "print as strings the numbers that a JavaScript double cannot hold, inside json too",
    );
}

/** With -F sql. */
export function sqlOptions(command: Command): Command {
  return command
    .optionsGroup("A script instead of changes (-F sql):")
    .option("--undo", "print what takes the transactions back, the last one first")
    .option("--dry-run", "with --undo: end the script in ROLLBACK, to see whether it would run")
    .option("--checked", "fail where a statement touches other than the rows it should");
}

const TABLE_FLAGS = ["expanded", "columns", "maxWidth", "collapse", "time"];

const LEGEND = `
Tables: + insert, ~ update, - delete, × truncate, » message, # sequence,
        ± altered table.
  06:50:43 797  commit time and xid; ┌ │ └ hold a transaction's changes
                together
  old → new     the server sent the old value (it changed the key, or the table
                has REPLICA IDENTITY FULL)
  old ⇢ new     compared with what came earlier in this run
  is now …      an update of a row that is not known: the whole row, not what
                changed
  was …         a deleted row, as it came earlier in this run
  id=1 │ …      the columns before the bar identify the row
  1 NULL        so many columns are NULL; … 3 more: so many have no room
  E'\\n'         an escape, as in SQL; '\\n' is a backslash and an n
  … 1.2 MB      a text of that size was cut`;

/** Options of tables; they are an error with any other format. */
export function tableOptions(command: Command): Command {
  return command
    .addHelpText("after", () => (SHORT.has(command) ? "" : LEGEND))
    .optionsGroup("How tables look:")
    .option("-x, --expanded", "one column a line, with longer values, like psql's \\x")
    .option("--columns <names>", "show only these columns and the key; may be repeated", collect)
    .option("--max-width <columns>", "cut longer values; 0: cut none")
    .option(
      "--collapse <rows>",
      "show this many changes of a transaction and count the rest; 0: show all (default: 20 on a terminal, all with --ack)",
    )
    .addOption(
      new Option(
        "--time <form>",
        "commit times and timestamptz values in this time zone, or times since the first commit (default: utc); local: also each TIME without a zone",
      ).choices(["utc", "local", "relative"]),
    );
}

/** As in docs/ndjson.md. The filter has the same list, which no start has to load. */
export const MESSAGE_KINDS = [
  "begin",
  "commit",
  "origin",
  "relation",
  "type",
  "insert",
  "update",
  "delete",
  "truncate",
  "message",
  "stream_start",
  "stream_stop",
  "stream_commit",
  "stream_abort",
  "begin_prepare",
  "prepare",
  "stream_prepare",
  "commit_prepared",
  "rollback_prepared",
  "abort",
  "table_changed",
  "sequence",
  "unknown",
];

/** What is printed, on tail and decode-file. */
export function filterOptions(command: Command): Command {
  return command
    .option(
      "--only <kinds>",
      `print only these kinds, such as insert,update; may be repeated. The kinds: ${MESSAGE_KINDS.join(", ")}`,
      collect,
    )
    .option(
      "--only-table <pattern>",
      "print only tables that match (* and ?); may be repeated",
      collect,
    )
    .option(
      "--where <expression>",
      "print only lines for which this CEL expression holds, such as new.total > 100; may be repeated: all must hold",
      collect,
    )
    .option(
      "--row <row>",
      "print only what concerns this row: 'orders 42' is a table and the values of its key; may be repeated",
      collect,
    )
    .option(
      "--xid <xid>",
      "print only this transaction, with its subtransactions; may be repeated",
      collect,
    )
    .option(
      "--since <time>",
      "leave out transactions that committed before TIME: '2026-11-25 06:50+00', 06:50 (the last one), yesterday, 1h, '90 minutes ago' (UTC without a zone)",
    )
    .option("--no-empty", "leave out transactions of which nothing else would be printed");
}
