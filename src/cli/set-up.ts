import { Command, Option } from "commander";
import {
  collect,
  connectionOptions,
  examples,
  outputOptions,
  publicationOptions,
  setting,
} from "./options.ts";

export function setupPublicationCommand(): Command {
  const command = new Command("setup-publication")
    .description("create a publication, or alter it to match the options (--sync)")
    .argument("<name>", "the publication's name, as it is (no quotes needed)");
  publicationOptions(command)
    .option(
      "--except <table>",
      "with --all-tables: leave out 'schema.table'; may be repeated (PostgreSQL 19)",
      collect,
    )
    .option("--all-sequences", "publish all sequences, for subscriptions (PostgreSQL 19)")
    .option("--publish <operations>", "a list of insert, update, delete, truncate (default: all)")
    .option("--via-partition-root", "publish changes of partitions as changes of their root")
    .addOption(
      new Option(
        "--generated-columns <which>",
        "publish generated columns (PostgreSQL 18)",
      ).choices(["none", "stored"]),
    )
    .option("--sync", "alter a publication that differs, in one transaction")
    .addOption(
      new Option(
        "--replica-identity <identity>",
        "set REPLICA IDENTITY FULL on tables whose UPDATE and DELETE the server would reject",
      ).choices(["full"]),
    )
    .option("--force", "go on even if the server then rejects UPDATE and DELETE of some tables")
    .option("--dry-run", "print the SQL, change nothing");
  return examples(
    connectionOptions(outputOptions(command)),
    ["One whole table, and some columns of some rows of another", PUBLISH_EXAMPLE],
    ["See the SQL for all tables first", "walctl setup-publication all --all-tables --dry-run"],
    [
      "Alter the publication to publish this table only",
      "walctl setup-publication shop_changes -t orders --sync",
    ],
  );
}

const PUBLISH_EXAMPLE =
  "walctl setup-publication shop_changes -t orders -t 'items (id) WHERE (active)'";

export function dropPublicationCommand(): Command {
  const command = new Command("drop-publication")
    .description("drop a publication, and print the SQL that creates it again")
    .argument("<name>", "the publication's name, as it is (no quotes needed)")
    .option("--dry-run", "print the SQL, change nothing")
    .option("--force", "also while a stream uses it, which fails then");
  return examples(
    connectionOptions(outputOptions(command)),
    ["See what would be dropped", "walctl drop-publication shop_changes -d shop --dry-run"],
    ["Drop it", "walctl drop-publication shop_changes -d shop"],
  );
}

export function createSlotCommand(): Command {
  const command = new Command("create-slot")
    .description("create a logical replication slot (plugin pgoutput)")
    .argument("<name>", "the slot's name: lower-case letters, digits and underscores")
    .option("--two-phase", "decode prepared transactions at PREPARE (PostgreSQL 15)")
    .option("--failover", "synchronize the slot to standbys (PostgreSQL 17)")
    .addOption(
      setting(
        "--lock-timeout <seconds>",
        "how long to wait for running transactions to end",
      ).default("10"),
    );
  return examples(
    connectionOptions(outputOptions(command)),
    ["A slot in the database shop", "walctl create-slot shop_slot -d shop"],
    ["One that survives a failover", "walctl create-slot shop_slot -d shop --failover"],
  );
}

export function advanceSlotCommand(): Command {
  const command = new Command("advance-slot")
    .description("move a slot forward by hand")
    .argument("<name>", "the slot's name")
    .argument(
      "<lsn>",
      "where to: the end_lsn of the last commit that must not come again; now or latest: the server's position",
    )
    .option("--force", "also if nothing was ever sent from the slot, which skips those changes");
  return examples(
    connectionOptions(outputOptions(command)),
    ["Confirm everything up to a commit", "walctl advance-slot shop_slot 16/B374D848 -d shop"],
    [
      "Skip everything that has happened so far",
      "walctl advance-slot shop_slot now --force -d shop",
    ],
  );
}

export function dropSlotCommand(): Command {
  const command = new Command("drop-slot")
    .description("drop a slot of this database, and say what it held")
    .argument("<name>", "the slot's name")
    .option("--dry-run", "say what it holds, change nothing")
    .option("--force", "also a physical slot, which a standby or pg_receivewal needs");
  return examples(
    connectionOptions(outputOptions(command)),
    ["See what would be lost", "walctl drop-slot shop_slot -d shop --dry-run"],
    ["Free the WAL that it retains", "walctl drop-slot shop_slot -d shop"],
  );
}
