import { type Command, Option, type OptionValues } from "commander";

/**
 * An option whose value can also be set, for all runs, by the environment: `--slot` by WALCTL_SLOT. These name
 * what is worked on or say how it is shown; what acts, or is about one run only, has to be on the command line.
 */
export function setting(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`WALCTL_${option.name().toUpperCase().replaceAll("-", "_")}`);
}

/** A flag that may be repeated. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

type Example = readonly [what: string, line: string];

const EXAMPLES = new WeakMap<Command, readonly Example[]>();

/** For the man page. */
export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? [];
}

/** Below the help: what for, then the command as it is typed. */
export function examples(command: Command, ...pairs: readonly Example[]): Command {
  EXAMPLES.set(command, pairs);
  const text = pairs.map(([what, line]) => `  # ${what}\n  ${line}\n`).join("\n");
  return command.addHelpText("after", `\nExamples:\n${text}`);
}

export function connectionOptions(command: Command): Command {
  return command
    .optionsGroup("Connection (libpq's; PGHOST and the others count too):")
    .option("-d, --dbname <name>", 'database, URI or "key=value ..." string')
    .option("-h, --host <host>", "server host, or the directory of its socket")
    .option("-p, --port <port>", "server port")
    .option("-U, --username <name>", "role to connect as");
}

/** What any command prints, and what those print besides that print messages. */
const FORMATS = ["auto", "table", "ndjson"];
export const MESSAGE_FORMATS = [...FORMATS, "wal2json", "debezium"];

export function outputOptions(command: Command, formats: readonly string[] = FORMATS): Command {
  return command
    .optionsGroup("Output:")
    .on("optionEnv:format", () => void environments.add(command))
    .hook("preAction", () => dropUnfitSettings(command))
    .addOption(formatOption(command, formats))
    .option("--no-color", "no colours (NO_COLOR and FORCE_COLOR count too)")
    .option("-q, --quiet", "no progress and no notices on standard error");
}

/** Whose format is being taken from the environment: commander asks it last, and tells the parser nothing of it. */
const environments = new WeakSet<Command>();

/** The environment is about all commands: a format that only others know is none for this one, and no error. */
function formatOption(command: Command, formats: readonly string[]): Option {
  const option = setting("-F, --format <format>", "auto is table on a terminal, else ndjson")
    .choices(formats)
    .default("auto");
  const { parseArg: parseChoice } = option;
  return option.argParser((value: string, previous: string) => {
    const fits = formats.includes(value) && suits(value, command.opts());
    if (environments.has(command) && MESSAGE_FORMATS.includes(value) && !fits) return "auto";
    return parseChoice === undefined ? value : parseChoice(value, previous);
  });
}

/** Whether the flags that were given allow the format at all. */
function suits(format: string, { output, ...flags }: OptionValues): boolean {
  if (output !== undefined && output !== "-") return format === "ndjson";
  return format === "table" || TABLE_FLAGS.every((name) => flags[name] === undefined);
}

/** The values and the transactions of foreign formats have one form: the environment does not ask for another. */
function dropUnfitSettings(command: Command): void {
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
    .option("--all-tables", "publish all tables, those that are made later too");
}

export function valueOptions(command: Command): Command {
  return command
    .addOption(
      setting("--values <form>", "json: as row_to_json; text: as the server sent them")
        .choices(["json", "text"])
        .default("json"),
    )
    .option(
      "--safe-numbers",
      "numbers that a JavaScript double cannot hold, in json too, become strings",
    );
}

const TABLE_FLAGS = ["expanded", "columns", "maxWidth", "collapse"];

/** How tables look; NDJSON has no use for them. */
export function tableOptions(command: Command): Command {
  return command
    .optionsGroup("Tables:")
    .option("-x, --expanded", "one column a line, with whole values, as psql's \\x")
    .option("--columns <names>", "show only these columns, and the key; may be repeated", collect)
    .option("--max-width <columns>", "cut values that are longer; 0: none")
    .option("--collapse <rows>", "after so many of a transaction only count; 0: show all");
}

export function filterOptions(command: Command): Command {
  return command
    .option("--only <kinds>", "print only messages of these kinds; may be repeated", collect)
    .option(
      "--only-table <pattern>",
      "print only these tables (* and ?); may be repeated",
      collect,
    );
}
