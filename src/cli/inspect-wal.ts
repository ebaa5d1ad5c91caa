import { Command, Option } from "commander";
import { collect, examples, outputOptions } from "./options.ts";

const STATS = ["record", "rmgr", "table"];

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description("show records or statistics of physical WAL: segments, directories, archives")
    .argument(
      "<path...>",
      "segment files, or directories of them (also a data directory); - is standard input",
    )
    .addOption(
      new Option(
        "--stats [by]",
        "print counts and bytes by record type (the default), rmgr or table; no records",
      ).choices(STATS),
    )
    .option("--catalog <file>", "names of tables out of a catalogue file: walctl catalog")
    .option("--timeline <timeline>", "for input with several timelines: a number, or latest")
    .option("--keep-going", "continue after damage (the exit status is still 3)")
    .option("-f, --follow", "wait for more at the end of a pg_wal directory")
    .option("-n, --limit <count>", "stop after this many printed records")
    .option("-x, --expanded", "one field a line (tables)");
  withoutEqualsSign(command, "--stats", "record", STATS);
  return examples(
    outputOptions(filterOptions(command)),
    ["What fills the WAL?", "walctl inspect --stats=table pg_wal"],
    [
      "When was something dropped?",
      "walctl inspect --type COMMIT -F ndjson archive | grep dropped",
    ],
    ["Is this segment whole?", "walctl inspect --stats 000000010000000000000001"],
  );
}

/** Without this, `--stats PATH` would take the path as the option's value. */
function withoutEqualsSign(
  command: Command,
  flag: string,
  value: string,
  choices: readonly string[],
): void {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) => {
    const end = argv.indexOf("--");
    const isFlag = (at: number): boolean => argv[at] === flag && (end < 0 || at < end);
    // `--stats table PATH`: a choice in the next word, unless it is the only path.
    const choiceAt = (at: number): string | undefined => {
      const word = argv[at];
      return word !== undefined && choices.includes(word) && at < argv.length - 1
        ? word
        : undefined;
    };
    const words = argv.flatMap((each, at) => {
      if (isFlag(at)) return [`${flag}=${choiceAt(at + 1) ?? value}`];
      return isFlag(at - 1) && choiceAt(at) !== undefined ? [] : [each];
    });
    return parse(words);
  };
}

function filterOptions(command: Command): Command {
  return command
    .optionsGroup("Which records:")
    .option("-I, --startpos <lsn>", "records that start at or after LSN")
    .option("-E, --endpos <lsn>", "records that start at or before LSN")
    .option(
      "--since <time>",
      "from the first commit, abort, prepare, checkpoint or restore point at or after TIME (UTC without a zone)",
    )
    .option("--until <time>", "up to the first of these after TIME, without it")
    .option(
      "--xid <xid>",
      "records of this transaction and its subtransactions; may be repeated",
      collect,
    )
    .option("--rmgr <name>", "records of this resource manager; may be repeated", collect)
    .option(
      "--type <name>",
      "records of this type, INSERT including INSERT+INIT; may be repeated",
      collect,
    )
    .option(
      "--relation <node>",
      "records with a block of this [[TABLESPACE/]DATABASE/]RELFILENODE; may be repeated",
      collect,
    )
    .option(
      "--only-table <pattern>",
      "with --catalog: records with a block of these tables, their indexes or TOAST (* and ?); may be repeated",
      collect,
    )
    .option("--block <number>", "with --relation or --only-table: records with this block of it")
    .option("--full-page-images", "records with a full-page image");
}
