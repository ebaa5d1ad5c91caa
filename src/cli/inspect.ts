import { Command } from "commander";
import {
  STATUS_FORMATS,
  collect,
  connectionOptions,
  examples,
  outputOptions,
  setting,
} from "./options.ts";

export function slotsCommand(): Command {
  const command = new Command("slots")
    .description("show the slots, their health, and what to do about each fault")
    .option("-w, --watch [seconds]", "refresh every SECONDS (default 2), with rates and forecasts")
    .option(
      "--fail-above <size>",
      "exit with status 1 if a slot retains more WAL than SIZE (such as 10GB), or is lost",
    );
  return examples(
    connectionOptions(outputOptions(command, STATUS_FORMATS)),
    ["All slots of the server", "walctl slots -d shop"],
    ["Watch them", "walctl slots -d shop --watch 5"],
    [
      "For Prometheus's node_exporter, from cron",
      `walctl slots -d shop -F openmetrics > walctl.prom.new &&
    mv walctl.prom.new walctl.prom`,
    ],
    ["Only slots with a fault", `walctl slots -d shop -F ndjson | jq -c 'select(.status != "ok")'`],
  );
}

export function publicationsCommand(): Command {
  const command = new Command("publications")
    .description("show the publications, their tables, and what is wrong with them")
    .argument("[name...]", "only these");
  return examples(
    connectionOptions(outputOptions(command)),
    ["All publications of the database", "walctl publications -d shop"],
    [
      "The tables of one, one a line",
      `walctl publications shop_changes -d shop -F ndjson | jq -c '.tables[]'`,
    ],
  );
}

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description("check what logical replication needs, and show a fix for each fault")
    .addOption(
      setting("-P, --publication <name>", "check only this publication; may be repeated").argParser(
        collect,
      ),
    )
    .addOption(
      setting("-S, --slot <name>", "check only this slot; may be repeated").argParser(collect),
    );
  return examples(
    connectionOptions(outputOptions(command, STATUS_FORMATS)),
    ["Is the server ready?", "walctl doctor -d shop"],
    ["In a script: only the fixes", `walctl doctor -F ndjson | jq -r 'select(.fix) | .fix'`],
    ["Why does this stream fail?", "walctl doctor -d shop -P shop_changes -S shop_slot"],
  );
}
