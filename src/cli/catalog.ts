import { Command } from "commander";
import { connectionOptions, examples, oneFile, outputOptions } from "./options.ts";

export function catalogCommand(): Command {
  const command = new Command("catalog")
    .description("export the catalogue that row changes out of WAL need, of one database")
    .option(
      "--data-dir <dir>",
      "read it from the data directory of a server that was shut down; -d names the database",
    )
    .option(
      "-o, --output <file>",
      "write to this file, which is replaced only when all is written",
      oneFile,
    );
  return examples(
    connectionOptions(outputOptions(command)),
    ["Of a running server, a standby too", "walctl catalog -d shop > shop.catalog"],
    ["In a nightly job", "walctl catalog -d shop -o /backup/shop.catalog"],
    ["Of a server that is stopped", 'walctl catalog --data-dir "$PGDATA" -d shop -o shop.catalog'],
  );
}
