import { Command, Option } from "commander";
import {
  MESSAGE_FORMATS,
  examples,
  filterOptions,
  outputOptions,
  tableOptions,
  valueOptions,
} from "./options.ts";

const FORMATS = [
  ...["auto", "walctl", "recvlogical", "raw", "hex", "copy-text", "copy-csv", "copy-binary"],
];

export function decodeFileCommand(): Command {
  const command = new Command("decode-file")
    .description("decode captures offline")
    .argument("<file...>", "captures, decoded in this order; - is standard input")
    .addOption(
      new Option("--input <format>", "the captures' format").choices(FORMATS).default("auto"),
    )
    .option("--keep-going", "continue after damage (the exit status is still 3)")
    .option(
      "--summary",
      "print changes and bytes of rows by table, and the largest transactions; no messages",
    );
  valueOptions(
    filterOptions(command).option(
      "--until <time>",
      "end at the first transaction that committed after TIME",
    ),
  );
  return examples(
    outputOptions(tableOptions(command), MESSAGE_FORMATS),
    ["A capture from pg_recvlogical", "walctl decode-file capture.bin | jq ."],
    ["Which tables changed most", "walctl decode-file capture.bin --summary"],
    [
      "Who changed one row, on one morning",
      `walctl decode-file capture.bin --where 'table == "orders" && new.id == 7' \\
    --since '2026-11-24 06:00+00' --until '2026-11-24 12:00+00'`,
    ],
    [
      "What a slot holds, from psql, without consuming it",
      `psql -d shop -Atc "SELECT data FROM pg_logical_slot_peek_binary_changes(
    'shop_slot', NULL, NULL, 'proto_version', '1',
    'publication_names', 'shop_changes')" | walctl decode-file -`,
    ],
  );
}
