import { Command, Option } from "commander";
import {
  MESSAGE_FORMATS,
  examples,
  firstOptions,
  filterOptions,
  outputOptions,
  sqlOptions,
  tableOptions,
  valueOptions,
} from "./options.ts";

const FORMATS = [
  "auto",
  "walctl",
  "recvlogical",
  "raw",
  "hex",
  "copy-text",
  "copy-csv",
  "copy-binary",
  "ndjson",
  "wal",
];

export function decodeFileCommand(): Command {
  const command = new Command("decode-file")
    .description("decode captures offline, or with --catalog the row changes of physical WAL")
    .argument(
      "<file...>",
      "captures, decoded in this order, or segments of WAL and directories of them; - is standard input",
    )
    .addOption(
      new Option("--input <format>", "the input's format").choices(FORMATS).default("auto"),
    )
    .option("--keep-going", "continue after damage (the exit status is still 3)")
    .option(
      "--summary",
      "print changes and bytes of rows by table, and the largest transactions; no messages",
    );
  const filtered = filterOptions(command).option(
    "--until <time>",
    "end at the first transaction that committed after TIME; of WAL: print none that did",
  );
  walOptions(valueOptions(filtered));
  firstOptions(
    command,
    "--summary",
    "--only-table",
    "--row",
    "--xid",
    "--since",
    "--until",
    "--keep-going",
    "--catalog",
    "--old",
    "--undo",
    "--checked",
    "--format",
  );
  return examples(
    outputOptions(sqlOptions(tableOptions(command)), MESSAGE_FORMATS),
    ["A capture from pg_recvlogical", "walctl decode-file capture.bin | jq ."],
    ["Which tables changed most", "walctl decode-file capture.bin --summary"],
    [
      "Who changed one row, on one morning",
      `walctl decode-file capture.bin --row 'orders 7' \\
    --since '2026-11-24 06:00+00' --until '2026-11-24 12:00+00'`,
    ],
    [
      "Who deleted these rows, and what were they? From an archive, without a slot",
      `walctl catalog -d shop > shop.catalog
  walctl decode-file --catalog shop.catalog --old full archive`,
    ],
    [
      "Take one transaction back",
      `walctl decode-file --catalog shop.catalog --old full --xid 759 \\
    -F sql --undo --checked archive > undo.sql`,
    ],
    [
      "What a slot holds, from psql, without consuming it",
      `psql -d shop -Atc "SELECT data FROM pg_logical_slot_peek_binary_changes(
    'shop_slot', NULL, NULL, 'proto_version', '1',
    'publication_names', 'shop_changes')" | walctl decode-file -`,
    ],
  );
}

/** What a capture refuses. */
function walOptions(command: Command): Command {
  return command
    .optionsGroup("Physical WAL:")
    .option(
      "--catalog <file>",
      "the catalogue of the database whose rows are wanted: walctl catalog",
    )
    .option("-I, --startpos <lsn>", "transactions whose commit record starts at or after LSN")
    .option("-E, --endpos <lsn>", "transactions whose commit record starts at or before LSN")
    .addOption(
      new Option(
        "--old <rows>",
        "old rows: logged: what the server logged; full: whole, where their pages are known; auto: full where nothing is logged for decoding (wal_level=replica), else logged",
      ).choices(["auto", "logged", "full"]),
    )
    .option("--aborted", "print rolled-back transactions too")
    .option("--tables-changed", "print tables created, dropped, rewritten and truncated")
    .option("--messages", "include the messages of pg_logical_emit_message")
    .option("--sequences", "include the states of sequences, as the WAL has them")
    .addOption(
      new Option(
        "--origin <which>",
        "changes from other servers too (any), or none of them",
      ).choices(["any", "none"]),
    )
    .option("--timeline <timeline>", "for input with several timelines: a number, or latest")
    .option(
      "--temp-file-limit <size>",
      "the most that temporary files may take, such as 20GB (default: half of what is free)",
    );
}
