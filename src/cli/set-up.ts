import { Command, Option } from "commander";
import {
  connectionOptions,
  examples,
  outputOptions,
  publicationOptions,
  setting,
} from "./options.ts";

export function setupPublicationCommand(): Command {
  const command = new Command("setup-publication")
    .description("create a publication, or bring it to the asked state")
    .argument("<name>", "the publication's name, as it is (no quotes needed)");
  publicationOptions(command)
    .option("--publish <operations>", "a list of insert, update, delete, truncate")
    .option("--via-partition-root", "publish changes of partitions as changes of their root")
    .addOption(
      new Option(
        "--generated-columns <which>",
        "publish generated columns (PostgreSQL 18)",
      ).choices(["none", "stored"]),
    )
    .option("--sync", "alter a publication that differs to the asked state")
    .addOption(
      new Option(
        "--replica-identity <identity>",
        "let whole rows identify themselves in tables whose updates would be rejected",
      ).choices(["full"]),
    )
    .option("--force", "also where the server will reject updates of tables from then on")
    .option("--dry-run", "print the SQL, change nothing");
  return examples(
    connectionOptions(outputOptions(command)),
    ["Two tables, one of them in part", PUBLISH_EXAMPLE],
    ["All tables, and see the SQL first", "walctl setup-publication all --all-tables --dry-run"],
    ["Alter what is there", "walctl setup-publication shop_changes -t orders --sync"],
  );
}

const PUBLISH_EXAMPLE =
  "walctl setup-publication shop_changes -t orders -t 'items (id) WHERE (active)'";

export function createSlotCommand(): Command {
  const command = new Command("create-slot")
    .description("create a logical replication slot (plugin pgoutput)")
    .argument("<name>", "the slot's name: lower-case letters, digits and underscores")
    .option("--two-phase", "decode prepared transactions at PREPARE (PostgreSQL 15)")
    .option("--failover", "synchronise the slot to standbys (PostgreSQL 17)")
    .addOption(
      setting("--lock-timeout <seconds>", "how long to wait for running transactions").default(
        "10",
      ),
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
    .argument("<lsn>", "where to: the end_lsn of the last commit that is not to come again")
    .option("--force", "also when nothing has ever been sent from the slot");
  return examples(
    connectionOptions(outputOptions(command)),
    ["Confirm all up to a commit", "walctl advance-slot shop_slot 16/B374D848 -d shop"],
    [
      "Skip all that has happened so far",
      `walctl advance-slot shop_slot --force -d shop \\
    "$(psql -d shop -Atc 'SELECT pg_catalog.pg_current_wal_lsn()')"`,
    ],
  );
}

export function dropSlotCommand(): Command {
  const command = new Command("drop-slot")
    .description("drop a slot")
    .argument("<name>", "the slot's name");
  return examples(connectionOptions(outputOptions(command)), [
    "Free what it retains",
    "walctl drop-slot shop_slot -d shop",
  ]);
}
