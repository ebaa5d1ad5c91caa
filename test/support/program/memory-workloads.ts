/** What could make a program that does it wrong grow. */
import type { TestServer } from "../server/server.ts";

export interface MemoryWorkload {
  readonly name: string;
  /** At scale 1. */
  readonly size: number;
  readonly args: readonly string[];
  /** Read so many bytes, then pause. */
  readonly slow?: boolean;
  readonly write: (server: TestServer, size: number) => Promise<void>;
}

export const MEMORY_TABLE = `
  CREATE TABLE memory (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, filler text);
  ALTER TABLE memory ALTER filler SET STORAGE EXTERNAL;
  CREATE TABLE unpublished (id bigint);
  CREATE SCHEMA many;
  CREATE PUBLICATION m FOR TABLE memory, TABLES IN SCHEMA many`;

const oneTransaction = async (server: TestServer, rows: number): Promise<void> => {
  await server.sql(
    `INSERT INTO memory (filler) SELECT repeat('x', 50) FROM generate_series(1, ${rows})`,
  );
};
const manyTransactions = (sql: string) => {
  return async (server: TestServer, count: number): Promise<void> => {
    await server.sql("SET synchronous_commit = off");
    await server.sql(`DO $$ BEGIN FOR i IN 1..${count} LOOP ${sql}; COMMIT; END LOOP; END $$`);
    await server.sql("RESET synchronous_commit");
  };
};
/** Each row is updated ten times. */
const updates = async (server: TestServer, count: number): Promise<void> => {
  const rows = Math.ceil(count / 10);
  const first = `(SELECT max(id) - ${rows} FROM memory)`;
  await oneTransaction(server, rows);
  const where = `id = ${first} + 1 + (i::bigint * 7919) % ${rows}`;
  await manyTransactions(`UPDATE memory SET filler = 'update ' || i WHERE ${where}`)(server, count);
};
const relations = manyTransactions(`
  EXECUTE format('CREATE TABLE IF NOT EXISTS many.%I (id bigint PRIMARY KEY, customer integer, note text,
    created_at timestamptz DEFAULT now(), amount numeric, status text)', 'table_number_' || i);
  EXECUTE format('INSERT INTO many.%I (id, note) SELECT count(*), ''a note'' FROM many.%1$I', 'table_number_' || i)`);

export const MEMORY_WORKLOADS: readonly MemoryWorkload[] = [
  { name: "rows, one transaction", size: 5_000_000, args: [], write: oneTransaction },
  {
    name: "rows, one transaction, streamed",
    size: 5_000_000,
    args: ["--streaming", "on"],
    write: oneTransaction,
  },
  {
    name: "rows, one transaction, a slow reader",
    size: 1_000_000,
    args: [],
    slow: true,
    write: oneTransaction,
  },
  {
    name: "rows of 1 MB",
    size: 2000,
    args: [],
    write: async (server, rows) => {
      for (let row = 0; row < rows; row++) {
        await server.sql("INSERT INTO memory (filler) SELECT repeat('y', 1048576)");
      }
    },
  },
  {
    name: "rows of 1 MB, a slow reader",
    size: 500,
    args: [],
    slow: true,
    write: async (server, rows) => {
      for (let row = 0; row < rows; row++) {
        await server.sql("INSERT INTO memory (filler) SELECT repeat('y', 1048576)");
      }
    },
  },
  {
    name: "transactions of one row",
    size: 1_000_000,
    args: [],
    write: manyTransactions("INSERT INTO memory (filler) VALUES ('z')"),
  },
  {
    name: "transactions of others, keepalives only",
    size: 1_000_000,
    args: ["-s", "0.1"],
    write: manyTransactions("INSERT INTO unpublished VALUES (i)"),
  },
  {
    name: "updates of a tenth as many rows, as a table",
    size: 1_000_000,
    args: ["-F", "table"],
    write: updates,
  },
  { name: "relations", size: 20_000, args: [], write: relations },
  { name: "relations, as a table", size: 20_000, args: ["-F", "table"], write: relations },
];
