import { Command } from "commander";
import {
  MESSAGE_FORMATS,
  collect,
  connectionOptions,
  examples,
  filterOptions,
  outputOptions,
  publicationOptions,
  setting,
  tableOptions,
  valueOptions,
} from "./options.ts";

export function tailCommand(): Command {
  const command = new Command("tail")
    .description("stream decoded messages")
    .optionsGroup("Where from:")
    .addOption(setting("-S, --slot <name>", "the slot (default: a temporary one, from now on)"))
    .addOption(
      setting(
        "-P, --publication <name>",
        "a publication; may be repeated (default: the database's only one)",
      ).argParser(collect),
    )
    .option("-I, --startpos <lsn>", "start there (default: where the slot stands)")
    .option(
      "--allow-gap",
      "warn of changes that the server cannot send any more, and go on (default: an error)",
    )
    .option("--wait", "wait for a slot that another program uses")
    .option("--no-loop", "do not reconnect")
    .optionsGroup("Set-up:")
    .option("--bootstrap", "create the publication and the slot where they are missing");
  publicationOptions(command)
    .optionsGroup("Until when:")
    .option(
      "-E, --endpos <lsn>",
      "exit once all that committed up to there is out; now: the server's position at start",
    )
    .option("-n, --limit <count>", "exit after so many row changes")
    .optionsGroup("Acknowledging:")
    .option("--ack", "advance the slot past what has been written out (default: never)")
    .option("--ack-from <path>", "advance it only to the end_lsns that the consumer writes there")
    .addOption(
      setting(
        "-s, --status-interval <seconds>",
        "feedback to the server at least this often",
      ).default("10"),
    )
    .optionsGroup("What is printed, and where:");
  filterOptions(command);
  valueOptions(command)
    .option(
      "--summary",
      "at the end print how many changes and bytes of rows each table and the largest transactions had, no messages",
    )
    .option(
      "-o, --output <file>",
      "append to the file, which is synced before acknowledging; -: standard output",
    )
    .option("--capture <file>", "also write what is received to the file, for decode-file");
  protocolOptions(command);
  return examples(
    connectionOptions(outputOptions(tableOptions(command), MESSAGE_FORMATS)),
    ["What happens from now on; nothing is left on the server", "walctl tail -d shop"],
    [
      "Set up all that is needed, then stream",
      "walctl tail -d shop --bootstrap -S shop_slot -P shop_changes -t orders",
    ],
    [
      "Consume: each transaction that is out need not come again",
      "walctl tail -d shop -S shop_slot -P shop_changes --ack --only insert | jq .new",
    ],
    [
      "All that the slot holds now, then exit",
      "walctl tail -d shop -S shop_slot -P shop_changes -E now",
    ],
  );
}

function protocolOptions(command: Command): Command {
  return command
    .optionsGroup("What the server sends:")
    .addOption(
      setting("--streaming <mode>", "send large transactions before they commit")
        .choices(["off", "on", "parallel"])
        .default("off"),
    )
    .option("--two-phase", "send prepared transactions at PREPARE (PostgreSQL 15)")
    .addOption(
      setting("--origin <which>", "none: leave out what came from another server (PostgreSQL 16)")
        .choices(["any", "none"])
        .default("any"),
    )
    .option("--messages", "include what pg_logical_emit_message writes")
    .option("--binary", "have the values sent in binary form");
}
