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
    .description("decode captures offline; - is standard input")
    .argument("<file...>", "captures, decoded in this order")
    .addOption(
      new Option("--input <format>", "the captures' format").choices(FORMATS).default("auto"),
    )
    .option("--keep-going", "skip what is damaged (the exit status is still 3)")
    .option(
      "--summary",
      "print how many changes and bytes of rows each table and the largest transactions had, no messages",
    );
  valueOptions(filterOptions(command));
  return examples(
    outputOptions(tableOptions(command), MESSAGE_FORMATS),
    ["What pg_recvlogical wrote", "walctl decode-file capture.bin | jq ."],
    ["Which tables its rows are of", "walctl decode-file capture.bin --summary"],
    [
      "A slot without consuming it, from psql",
      `psql -d shop -Atc "SELECT data FROM pg_logical_slot_peek_binary_changes(
    'shop_slot', NULL, NULL, 'proto_version', '1',
    'publication_names', 'shop_changes')" | walctl decode-file -`,
    ],
  );
}
