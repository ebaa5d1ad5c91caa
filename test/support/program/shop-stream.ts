/** A stream that shows all that a table can show, made by hand, to be looked at in goldens. */
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { encodeMessage, type WireMessage, type WireTuple } from "../wire/pgoutput-encoder.ts";

const ORDERS = 16_400;
const CUSTOMERS = 16_410;
const TEXT = 25;
const COMMIT_TIME = 848_839_363_123_456n;

type Value = string | null | undefined;

/** Undefined: unchanged TOAST. */
function row(...values: readonly Value[]): WireTuple {
  return values.map((value) => {
    if (value === null) return { kind: "null" };
    if (value === undefined) return { kind: "unchanged" };
    return { kind: "text", bytes: Buffer.from(value) };
  });
}

interface Column {
  readonly name: string;
  readonly typeOid?: number;
}

function relation(
  oid: number,
  table: string,
  replicaIdentity: "default" | "full",
  columns: readonly Column[],
): WireMessage {
  return {
    kind: "relation",
    xid: null,
    oid,
    schema: "shop",
    table,
    replicaIdentity,
    columns: columns.map(({ name, typeOid = TEXT }, index) => ({
      name,
      key: replicaIdentity === "full" || index === 0,
      typeOid,
      typeModifier: -1,
    })),
  };
}

const ORDER_COLUMNS = [
  { name: "id", typeOid: 20 },
  { name: "status" },
  { name: "total", typeOid: 1700 },
  { name: "items", typeOid: 3802 },
  { name: "placed_at", typeOid: 1184 },
  { name: "note" },
];
const CUSTOMER_COLUMNS = [
  { name: "id", typeOid: 20 },
  { name: "name" },
  { name: "email" },
  { name: "letter" },
  { name: "Home Address" },
];

const ITEMS = '{"cup": 2, "teapot": {"color": "blue", "lids": [1, 2]}}';
const MORE_ITEMS =
  '{"cup": 3, "spoon": [], "teapot": {"color": "blue", "lids": [1, 2]}, "gift": null, "card": "für Åsa 🎁, with love"}';
const PLACED = "2026-11-24 10:57:43.123456+00";

function transaction(xid: number, origin: string | null, ...changes: WireMessage[]): WireMessage[] {
  const lsn = 0x1_0000_0000n + BigInt(xid);
  return [
    { kind: "begin", finalLsn: lsn, commitTime: COMMIT_TIME, xid },
    ...(origin === null
      ? []
      : [{ kind: "origin", originLsn: 0x2_0000_0420n, name: origin } as const]),
    ...changes,
    { kind: "commit", commitLsn: lsn, endLsn: lsn + 48n, commitTime: COMMIT_TIME },
  ];
}

const MESSAGES: readonly WireMessage[] = [
  ...transaction(
    801,
    "berlin",
    relation(ORDERS, "orders", "full", ORDER_COLUMNS),
    relation(CUSTOMERS, "customers", "default", CUSTOMER_COLUMNS),
    {
      kind: "insert",
      xid: null,
      oid: CUSTOMERS,
      new: row("1", "Åsa 🎁 山田", null, "Dear shop,\nI am happy.\n\nYours", ""),
    },
    { kind: "insert", xid: null, oid: ORDERS, new: row("1001", "new", "49.90", ITEMS, PLACED, "") },
  ),
  ...transaction(
    802,
    null,
    {
      kind: "update",
      xid: null,
      oid: ORDERS,
      key: null,
      old: row("1001", "new", "49.90", ITEMS, PLACED, null),
      new: row("1001", "paid", "149.90", MORE_ITEMS, PLACED, ""),
    },
    {
      kind: "update",
      xid: null,
      oid: CUSTOMERS,
      key: null,
      old: null,
      new: row("1", "Åsa 🎁 山田", "NULL", undefined, "(unchanged)"),
    },
    {
      kind: "update",
      xid: null,
      oid: CUSTOMERS,
      key: row("1", null, null, null, null),
      old: null,
      new: row("30", "Åsa 🎁 山田", "asa@example.com", undefined, null),
    },
  ),
  ...transaction(
    803,
    null,
    {
      kind: "delete",
      xid: null,
      oid: CUSTOMERS,
      key: row("30", null, null, null, null),
      old: null,
    },
    {
      kind: "truncate",
      xid: null,
      oids: [ORDERS, CUSTOMERS],
      cascade: true,
      restartIdentity: true,
    },
    ...Array.from({ length: 5 }, (_, index): WireMessage => ({
      kind: "insert",
      xid: null,
      oid: CUSTOMERS,
      new: row(String(100 + index), `customer ${index}`, null, null, null),
    })),
  ),
];

export function shopStream(): PgoutputMessage[] {
  return decodeAll(MESSAGES);
}

/** One update of one column, whose old value is known. */
export function updateStream(before: string, after: string, typeOid: number): PgoutputMessage[] {
  return decodeAll(
    transaction(1, null, relation(1, "t", "full", [{ name: "id" }, { name: "value", typeOid }]), {
      kind: "update",
      xid: null,
      oid: 1,
      key: null,
      old: row("1", before),
      new: row("1", after),
    }),
  );
}

function decodeAll(messages: readonly WireMessage[]): PgoutputMessage[] {
  const decoder = new PgoutputDecoder();
  return messages.map((message) => decoder.decode(encodeMessage(message)));
}
