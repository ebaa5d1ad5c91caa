/** Streams as people have them, made by hand, to be looked at in goldens. */
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { NONE_RULED, TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { encodeMessage, type WireMessage, type WireTuple } from "../wire/pgoutput-encoder.ts";

export const [INT8, TEXT, NUMERIC, JSONB] = [20, 25, 1700, 3802] as const;
const [INT4, BPCHAR, TIMESTAMP, TIMESTAMPTZ, UUID] = [23, 1042, 1114, 1184, 2950] as const;
/** 2026-11-24 10:57:43.123456 UTC */
const FIRST = 848_833_063_123_456n;

/** What the catalogue says to `tail` of the first relation. */
export function screenTypes(): TypeRegistry {
  const types = new TypeRegistry();
  types.ruled(1, { ...NONE_RULED, rowKey: ["id"] });
  return types;
}

type Value = string | null | undefined;
type Columns = ReadonlyArray<readonly [name: string, typeOid: number | undefined]>;

/** Undefined: unchanged TOAST. */
function row(...values: readonly Value[]): WireTuple {
  return values.map((value) => {
    if (value === null) return { kind: "null" };
    if (value === undefined) return { kind: "unchanged" };
    return { kind: "text", bytes: Buffer.from(value) };
  });
}

interface TableOptions {
  readonly schema?: string;
  readonly identity?: "default" | "full";
  /** Without a key. */
  readonly keyless?: boolean;
}

/** A table whose first column is its key, and the changes of it. */
export class Table {
  readonly relation: WireMessage;
  readonly #oid: number;

  constructor(oid: number, table: string, columns: Columns, options: TableOptions = {}) {
    const { schema = "public", identity = "default", keyless = false } = options;
    this.#oid = oid;
    this.relation = {
      kind: "relation",
      xid: null,
      oid,
      schema,
      table,
      replicaIdentity: identity,
      columns: columns.map(([name, typeOid = TEXT], index) => ({
        name,
        typeOid,
        typeModifier: -1,
        key: identity === "full" || (!keyless && index === 0),
      })),
    };
  }

  insert(...values: readonly Value[]): WireMessage {
    return { kind: "insert", xid: null, oid: this.#oid, new: row(...values) };
  }

  update(...values: readonly Value[]): WireMessage {
    return { kind: "update", xid: null, oid: this.#oid, key: null, old: null, new: row(...values) };
  }

  change(old: readonly Value[], values: readonly Value[]): WireMessage {
    const rows = { old: row(...old), new: row(...values) };
    return { kind: "update", xid: null, oid: this.#oid, key: null, ...rows };
  }
}

export function transaction(xid: number, ...changes: readonly WireMessage[]): WireMessage[] {
  const lsn = 0x1_0000_0000n + BigInt(xid);
  const commitTime = FIRST + BigInt(xid) * 13_717n;
  return [
    { kind: "begin", finalLsn: lsn, commitTime, xid },
    ...changes,
    { kind: "commit", commitLsn: lsn, endLsn: lsn + 48n, commitTime },
  ];
}

export function decoded(messages: readonly WireMessage[]): PgoutputMessage[] {
  const decoder = new PgoutputDecoder();
  return messages.map((message) => decoder.decode(encodeMessage(message)));
}

/** pgbench's own transaction, over and over, of a few accounts. */
export function pgbenchStream(): PgoutputMessage[] {
  const filler = (width: number): string => " ".repeat(width);
  const accounts = new Table(1, "pgbench_accounts", [
    ...([
      ["aid", INT4],
      ["bid", INT4],
      ["abalance", INT4],
      ["filler", BPCHAR],
    ] as const),
  ]);
  const tellers = new Table(2, "pgbench_tellers", [
    ...([
      ["tid", INT4],
      ["bid", INT4],
      ["tbalance", INT4],
      ["filler", BPCHAR],
    ] as const),
  ]);
  const branches = new Table(3, "pgbench_branches", [
    ...([
      ["bid", INT4],
      ["bbalance", INT4],
      ["filler", BPCHAR],
    ] as const),
  ]);
  const columns = [
    ...([
      ["tid", INT4],
      ["bid", INT4],
      ["aid", INT4],
      ["delta", INT4],
    ] as const),
    ...([
      ["mtime", TIMESTAMP],
      ["filler", BPCHAR],
    ] as const),
  ];
  const history = new Table(4, "pgbench_history", columns, { keyless: true });
  const relations = [accounts, tellers, branches, history].map(({ relation }) => relation);
  let [balance, xid] = [0, 740];
  const messages = Array.from({ length: 8 }, (_, index) => {
    const delta = ((index * 2713) % 9999) - 5000;
    balance += delta;
    const [account, teller] = [String(((index % 3) + 1) * 28_411), String((index % 2) + 4)];
    const sum = String(balance);
    return transaction(
      xid++,
      ...(index === 0 ? relations : []),
      accounts.update(account, "1", sum, filler(84)),
      tellers.update(teller, "1", sum, null),
      branches.update("1", sum, null),
      history.insert(
        teller,
        "1",
        account,
        String(delta),
        `2026-11-24 10:57:43.${index}23456`,
        null,
      ),
    );
  });
  return decoded(messages.flat());
}

/** Transactions of one row of a table of three columns: inserts, then updates of the same rows. */
export function narrowStream(): PgoutputMessage[] {
  const jobs = new Table(1, "jobs", [
    ["id", INT8],
    ["status", TEXT],
    ["worker", TEXT],
  ]);
  const inserts = Array.from({ length: 12 }, (_, index) =>
    transaction(
      800 + index,
      ...(index === 0 ? [jobs.relation] : []),
      jobs.insert(String(index + 1), "waiting", null),
    ),
  );
  const updates = Array.from({ length: 12 }, (_, index) =>
    transaction(812 + index, jobs.update(String(index + 1), "running", `worker-${index % 4}`)),
  );
  return decoded([...inserts, ...updates].flat());
}

/** A table of so many columns, of which few have values; an update that was seen, and one that was not. */
export function wideStream(count: number): PgoutputMessage[] {
  const kinds = [TEXT, INT4, NUMERIC, TIMESTAMPTZ, undefined];
  const columns: Columns = Array.from({ length: count }, (_, index) => [
    index === 0 ? "id" : `${["name", "count", "price", "seen_at", "note"][index % 5]}_${index}`,
    index === 0 ? INT8 : kinds[index % 5],
  ]);
  const wide = new Table(1, `readings_of_${count}_columns`, columns);
  const values = (id: number, changed = ""): Value[] =>
    columns.map((_, index) => {
      if (index === 0) return String(id);
      if (index % 3 === 0) return null;
      const value = ["text", String(index * 7), `${index}.50`, "2026-11-24 10:57:43+00", "a note"];
      return index === 7 && changed !== "" ? changed : (value[index % 5] ?? null);
    });
  return decoded([
    ...transaction(900, wide.relation, wide.insert(...values(1))),
    ...transaction(901, wide.update(...values(1, "41.99"))),
    ...transaction(902, wide.update(...values(2))),
    ...transaction(903, ...[3, 4, 5, 6].map((id) => wide.insert(...values(id)))),
  ]);
}

/** Partitions whose names are as long as names may be, and differ at the end or in the middle. */
export function partitionStream(): PgoutputMessage[] {
  const columns: Columns = [
    ["id", UUID],
    ["at", TIMESTAMPTZ],
    ["amount", NUMERIC],
  ];
  const name = (month: string, half: string): string =>
    `measurements_of_all_sensors_${half}_by_region_and_month_2026_${month}`;
  const tables = ["01", "02", "03"].flatMap((month, index) =>
    ["northern", "southern"].map(
      (half, other) =>
        new Table(1 + index * 2 + other, name(month, half), columns, { schema: "telemetry" }),
    ),
  );
  const uuid = (index: number): string => `6f1c2b7${index}-9a2b-4c3d-8e4f-0123456789ab`;
  return decoded(
    tables.flatMap((table, index) =>
      transaction(
        950 + index,
        table.relation,
        table.insert(uuid(index), "2026-01-31 23:59:59.999+00", `${index * 113}.75`),
      ),
    ),
  );
}

/** Updates whose old rows the server sends (REPLICA IDENTITY FULL), and of the same rows without. */
export function identityStream(): PgoutputMessage[] {
  const columns: Columns = [
    ["id", INT8],
    ["status", TEXT],
    ["items", JSONB],
    ["note", TEXT],
  ];
  const full = new Table(1, "orders_full", columns, { identity: "full" });
  const plain = new Table(2, "orders", columns);
  const items = (price: string): string =>
    `{"lines": [{"sku": "A-1", "price": ${price}, "tags": ["new", "blue"]}], "gift": {"wrap": true, "to": "山田 🎁"}}`;
  const rows = [
    ["1", "new", items("9.50"), null],
    ["1", "paid", items("9.50"), "paid by card"],
    ["1", "paid", items("8.75"), "paid by card"],
  ] as const;
  const [first, second, third] = rows;
  return decoded([
    ...transaction(970, full.relation, plain.relation, plain.update("7", "new", null, null)),
    ...transaction(971, full.insert(...first), plain.insert(...first)),
    ...transaction(972, full.change(first, second), plain.update(...second)),
    ...transaction(973, full.change(second, third)),
    ...transaction(974, plain.update(...third)),
    ...transaction(975, full.change(third, third), plain.update(...third)),
    ...transaction(976, ...["2", "3", "4"].map((id) => plain.insert(id, "new", null, null))),
    ...transaction(
      977,
      ...["2", "3", "4"].map((id) => plain.update(id, "paid", null, `note ${id}`)),
    ),
  ]);
}

/** Transactions of one row, inserts and updates in turn. */
export function busyStream(count: number): PgoutputMessage[] {
  const accounts = new Table(1, "accounts", [
    ["id", INT8],
    ["balance", NUMERIC],
    ["owner", TEXT],
  ]);
  const events = new Table(2, "events", [
    ["id", INT8],
    ["what", TEXT],
  ]);
  return decoded([
    accounts.relation,
    events.relation,
    ...Array.from({ length: count }, (_, index) =>
      transaction(
        1000 + index,
        index % 3 === 0
          ? events.insert(String(index), "clicked")
          : accounts.update(String(index % 40), `${index}.00`, "Ada Lovelace"),
      ),
    ).flat(),
  ]);
}
