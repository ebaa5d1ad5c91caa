import { Command, Option } from "commander";
import {
  MESSAGE_FORMATS,
  collect,
  connectionOptions,
  examples,
  firstOptions,
  oneFile,
  filterOptions,
  outputOptions,
  publicationOptions,
  setting,
  sqlOptions,
  tableOptions,
  valueOptions,
} from "./options.ts";
import { usageError } from "../errors.ts";

export function tailCommand(): Command {
  const command = new Command("tail")
    .description("stream the changes of publications")
    .optionsGroup("Where the changes come from:")
    .addOption(setting("-S, --slot <name>", "the slot (default: a temporary one that starts now)"))
    .addOption(
      setting(
        "-P, --publication <name>",
        "a publication; may be repeated (default: the database's only one)",
      ).argParser(collect),
    )
    .option("-I, --startpos <lsn>", "start at LSN (default: the slot's position)")
    .option(
      "--allow-gap",
      "warn about changes that the server can no longer send, and go on (default: an error)",
    )
    .option("--wait", "wait while another program uses the slot")
    .option("--no-loop", "do not reconnect")
    .optionsGroup("Create what is missing:")
    .option(
      "--bootstrap",
      "create the publication (walctl, if -P names none) and the slot if they are missing",
    );
  publicationOptions(command)
    .optionsGroup("When to end (default: at Ctrl-C):")
    .option(
      "-E, --endpos <lsn>",
      "exit after the last transaction committed at or before LSN; now or latest: the server's position when walctl first connects",
    )
    .option("--until <time>", "exit after the last transaction committed at or before TIME")
    .option("-n, --limit <count>", "exit after this many row changes")
    .optionsGroup("Move the slot forward (default: never):")
    .option(
      "--ack",
      "advance the slot past transactions that have been written out (default: never)",
    )
    .option(
      "--ack-from <path>",
      "advance it only to the end_lsns that the consumer writes to this file or FIFO, one a line; -: standard input",
    )
    .addOption(
      setting(
        "-s, --status-interval <seconds>",
        "send feedback to the server at least this often",
      ).default("10"),
    )
    .optionsGroup("Which changes to print, and where to:");
  filterOptions(command);
  valueOptions(command)
    .option(
      "--summary",
      "at the end print changes and bytes of rows by table, and the largest transactions; no messages",
    )
    .option(
      "-o, --output <file>",
      "append to this file, with fsync before each acknowledgement; SIGHUP: go on in a new file of that name; -: standard output",
      outputFile,
    )
    .option("--capture <file>", "also write what is received to this file, for decode-file");
  protocolOptions(command);
  command.addOption(new Option("-f, --follow", "what tail always does").hideHelp());
  firstOptions(
    command,
    "--slot",
    "--publication",
    "--bootstrap",
    "--table",
    "--endpos",
    "--ack",
    "--only-table",
    "--row",
    "--since",
    "--output",
    "--format",
    "--dbname",
  );
  return examples(
    connectionOptions(outputOptions(sqlOptions(tableOptions(command)), MESSAGE_FORMATS)),
    ["Changes from now on; nothing stays on the server", "walctl tail -d shop"],
    [
      "Create what is needed, then stream",
      "walctl tail -d shop --bootstrap -S shop_slot -P shop_changes -t orders",
    ],
    [
      "Consume: acknowledge each transaction that has been written out",
      "walctl tail -d shop -S shop_slot -P shop_changes --ack --only insert | jq .new",
    ],
    [
      "Large orders only, with nothing of the transactions that have none",
      `walctl tail -d shop --no-empty \\
    --where 'kind in ["begin", "commit"] || new.total > 1000'`,
    ],
    [
      "Everything that the slot holds now, then exit",
      "walctl tail -d shop -S shop_slot -P shop_changes -E now",
    ],
  );
}

/** In place of pgoutput's options, which pg_recvlogical takes as `-o NAME=VALUE`. */
const PGOUTPUT_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["proto_version", "walctl chooses the version of the protocol: leave it out."],
  ["publication_names", "-P NAME names a publication, and may be repeated."],
  ["binary", "--binary asks for it."],
  ["messages", "--messages asks for it."],
  ["streaming", "--streaming MODE asks for it: off, on or parallel."],
  ["two_phase", "--two-phase asks for it."],
  ["origin", "--origin WHICH asks for it: any or none."],
]);

/** @throws WalctlError, a usage error, for an option of pgoutput */
function outputFile(value: string, previous: string | undefined): string {
  const [name = "", given] = value.split("=");
  const instead = given === undefined ? undefined : PGOUTPUT_OPTIONS.get(name);
  if (instead !== undefined)
    throw usageError(`--output takes a file, not the option ${name} of pgoutput`, instead);
  return oneFile(value, previous);
}

function protocolOptions(command: Command): Command {
  return command
    .optionsGroup("What the server is to send:")
    .addOption(
      setting("--streaming <mode>", "send large transactions before they commit")
        .choices(["off", "on", "parallel"])
        .default("off"),
    )
    .option("--two-phase", "send prepared transactions at PREPARE (PostgreSQL 15)")
    .addOption(
      setting(
        "--origin <which>",
        "none: leave out changes that came from another server (PostgreSQL 16)",
      )
        .choices(["any", "none"])
        .default("any"),
    )
    .option("--messages", "include the messages of pg_logical_emit_message")
    .option("--binary", "ask for values in binary format");
}
