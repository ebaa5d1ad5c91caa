/** What people look at, by name: goldens in test/render/table/screens.test.ts, pictures by `npm run picture`. */
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import {
  decoded,
  identityStream,
  INT8,
  JSONB,
  narrowStream,
  NUMERIC,
  partitionStream,
  pgbenchStream,
  Table,
  TEXT,
  transaction,
  wideStream,
} from "./screen-streams.ts";
import { decodeCapture, firstRows } from "./tables.ts";

/** Columns added, dropped, renamed and altered between changes of their table, in transactions and between them. */
function ddlStream(): PgoutputMessage[] {
  const tables = (
    [
      [
        ["id", INT8],
        ["price", NUMERIC],
      ],
      [
        ["id", INT8],
        ["price", NUMERIC],
        ["currency", TEXT],
      ],
      [
        ["id", INT8],
        ["amount", NUMERIC],
        ["currency", TEXT],
      ],
      [
        ["id", INT8],
        ["amount", TEXT],
      ],
    ] as const
  ).map((columns) => new Table(1, "invoices", columns));
  const [first, added, renamed, dropped] = tables;
  if (!first || !added || !renamed || !dropped) throw new Error("four tables");
  return decoded([
    ...transaction(700, first.relation, first.insert("1", "9.50")),
    ...transaction(701, first.update("1", "9.75")),
    ...transaction(
      702,
      first.insert("2", "4.00"),
      added.relation,
      added.insert("3", "5.00", "EUR"),
      added.update("1", "9.75", "EUR"),
    ),
    ...transaction(703, renamed.relation, renamed.update("1", "10.00", "EUR")),
    ...transaction(704, renamed.update("1", "11.00", "EUR")),
    ...transaction(705, dropped.relation, dropped.update("1", "eleven")),
  ]);
}

/** Documents that change deep inside, in their keys, in long strings, and altogether. */
function jsonStream(): PgoutputMessage[] {
  const table = new Table(
    1,
    "documents",
    [
      ["id", INT8],
      ["body", JSONB],
    ],
    { identity: "full" },
  );
  const body = (name: string, tags: string, more = ""): string =>
    `{"customer": {"name": "${name}", "address": {"city": "Zürich", "zip": "8001"}}, "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-7", "count": 1}], "tags": ${tags}${more}}`;
  const long = "The tea is still warm when the parcel leaves the house. ".repeat(30);
  const rows = [
    body("Ada", '["new"]'),
    body("Ada Lovelace", '["new"]'),
    body("Ada Lovelace", '["new", "paid"]', ', "gift wrap": true'),
    body("Ada Lovelace", '["paid"]', `, "note": "${long}"`),
    body("Ada Lovelace", '["paid"]', `, "note": "${long.replace("warm", "hot")}"`),
    body("Ada Lovelace", '["paid"]', `, "note": "${long}Bye."`),
    "[]",
  ];
  const changes = rows
    .slice(1)
    .flatMap((now, index) =>
      transaction(720 + index, table.change(["1", rows[index]], ["1", now])),
    );
  return decoded([...transaction(719, table.relation, table.insert("1", rows[0])), ...changes]);
}

/** Wide and combining characters, and what looks like something else. */
function charactersStream(): PgoutputMessage[] {
  const table = new Table(
    1,
    "顧客",
    [
      ["id", INT8],
      ["名前", TEXT],
      ["note", TEXT],
    ],
    {
      identity: "full",
    },
  );
  const names = ["山田太郎", "김철수", "नमस्ते", "ไทย", "🎁👍🏽🇩🇪", "Åsa Ö"];
  return decoded([
    ...transaction(
      740,
      table.relation,
      ...names.map((name, index) => table.insert(String(index), name, "x".repeat(index * 3))),
    ),
    ...transaction(741, table.change(["0", "山田太郎", "a b"], ["0", "山田花子", "a\u00a0b"])),
    ...transaction(742, table.change(["1", "café", "paypal"], ["1", "cafe\u0301", "p\u0430ypal"])),
    ...transaction(743, table.change(["2", "tab\there", "NULL"], ["2", "tab\\there", null])),
    ...transaction(744, table.insert("3", "\u202egpj.exe", "line\nline")),
  ]);
}

interface Screen {
  readonly title: string;
  readonly messages: () => readonly PgoutputMessage[];
}

export const SCREENS: Readonly<Record<string, Screen>> = {
  pgbench: { title: "pgbench", messages: pgbenchStream },
  "3-columns": { title: "Transactions of one row", messages: narrowStream },
  "30-columns": { title: "A table of 30 columns", messages: () => wideStream(30) },
  "150-columns": { title: "A table of 150 columns", messages: () => wideStream(150) },
  partitions: { title: "Partitions with long names", messages: partitionStream },
  identity: { title: "Updates with and without REPLICA IDENTITY FULL", messages: identityStream },
  ddl: { title: "ALTER TABLE in between", messages: ddlStream },
  json: { title: "Nested JSON", messages: jsonStream },
  characters: { title: "Wide characters, and what looks alike", messages: charactersStream },
};

/** Of captures, which have goldens of their own. */
export const CAPTURED: Readonly<Record<string, Screen>> = {
  streaming: {
    title: "Transactions in progress",
    messages: () => [...firstRows(decodeCapture("pg18-stream-abort-p2"))],
  },
  "two-phase": {
    title: "Two-phase commit",
    messages: () => [...firstRows(decodeCapture("pg18-twophase-p3-stream"))],
  },
};
