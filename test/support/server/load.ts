/** Writers that keep a server busy while something else is tested. */
import type { TestServer } from "./server.ts";

export interface Load {
  /** Ends it after the transaction under way; gives the ids of all rows that were committed, in commit order. May be called again. */
  stop(): Promise<readonly number[]>;
}

export const LOAD_TABLE = "CREATE TABLE load (id bigint PRIMARY KEY, filler text NOT NULL)";

/** One writer: transactions of 1 to `rowsMax` rows with ids that count up, without a pause but `pauseMs`. */
export async function startLoad(
  server: TestServer,
  { rowsMax = 20, pauseMs = 1 }: { rowsMax?: number; pauseMs?: number } = {},
): Promise<Load> {
  const client = await server.connect();
  const [row] = (await client.query("SELECT coalesce(max(id), 0)::int AS last FROM load")).rows as {
    last: number;
  }[];
  const committed: number[] = [];
  let next = (row?.last ?? 0) + 1;
  const ending = new AbortController();
  const writing = (async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const rows = 1 + (next % rowsMax);
      await client.query(
        `INSERT INTO load SELECT i, repeat('x', 50) FROM generate_series(${next}, ${next + rows - 1}) i`,
      );
      for (let id = next; id < next + rows; id++) committed.push(id);
      next += rows;
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
    }
  })();
  return {
    async stop(): Promise<readonly number[]> {
      if (!ending.signal.aborted) {
        ending.abort();
        await writing;
        await client.end();
      }
      return committed;
    },
  };
}
