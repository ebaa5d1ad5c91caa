import { Command } from "commander";
import { collect, connectionOptions, examples, outputOptions, setting } from "./options.ts";

export function slotsCommand(): Command {
  const command = new Command("slots")
    .description("show the slots and their health, and what to do about each fault")
    .option("-w, --watch [seconds]", "again and again, every 2 seconds or as often as told");
  return examples(
    connectionOptions(outputOptions(command)),
    ["All slots of the server", "walctl slots -d shop"],
    ["Keep an eye on them", "walctl slots -d shop --watch 5"],
    ["Those at fault", `walctl slots -d shop -F ndjson | jq -c 'select(.status != "ok")'`],
  );
}

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description("check all that logical replication needs, with the fix for each fault")
    .addOption(
      setting(
        "-P, --publication <name>",
        "look at this publication only; may be repeated",
      ).argParser(collect),
    )
    .addOption(
      setting("-S, --slot <name>", "look at this slot only; may be repeated").argParser(collect),
    );
  return examples(
    connectionOptions(outputOptions(command)),
    ["Is the server ready?", "walctl doctor -d shop"],
    ["In a script: the faults only", `walctl doctor -F ndjson | jq -r 'select(.fix) | .fix'`],
    ["Why does this stream fail?", "walctl doctor -d shop -P shop_changes -S shop_slot"],
  );
}
