/** Writers whose transactions are of all kinds, and what of them the server has kept. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { type Lsn, parseLsn } from "../../src/lsn.ts";
import { seededRandom } from "../support/tools/random.ts";
import type { TestServer } from "../support/server/server.ts";

export const CHAOS_TABLE = `
  CREATE TABLE chaos (id bigint PRIMARY KEY, x xid8 NOT NULL DEFAULT pg_current_xact_id(), filler text NOT NULL);
  CREATE PUBLICATION p FOR TABLE chaos`;

/** Reads the log beside walctl, through the server's own SQL functions. */
const ORACLE_SLOT = "oracle";

const IDS_PER_WRITER = 1_000_000_000;
const PAUSE_MS_MAX = 30;

/** The SQL of that many new ids. */
export type NextIds = (count: number) => string;

/** One transaction, or a few. It may fail when the server goes away. */
export type Write = (client: pg.Client, nextIds: NextIds, random: () => number) => Promise<unknown>;

export class ChaosLoad {
  readonly #server: TestServer;
  readonly #random: () => number;
  readonly #write: Write;
  readonly #writers: Promise<void>[] = [];
  readonly #writing = new Set<Promise<void>>();
  #paused: Promise<void> | undefined;
  #unpause: (() => void) | undefined;
  #over = false;

  constructor(
    server: TestServer,
    seed: number,
    writers: number,
    write: Write = (client, nextIds, random) => client.query(transaction(nextIds, random)),
  ) {
    this.#server = server;
    this.#random = seededRandom(seed);
    this.#write = write;
    for (let writer = 0; writer < writers; writer++) this.#writers.push(this.#run(writer));
  }

  /** Until resume() no connection is open: a smart stop would wait for it. */
  async pause(): Promise<void> {
    this.#paused ??= new Promise((resolve) => {
      this.#unpause = resolve;
    });
    await Promise.all(this.#writing);
  }

  resume(): void {
    this.#unpause?.();
    this.#paused = undefined;
  }

  async stop(): Promise<void> {
    this.#over = true;
    this.resume();
    await Promise.all(this.#writers);
  }

  async #run(writer: number): Promise<void> {
    let id = writer * IDS_PER_WRITER;
    const nextIds: NextIds = (count) => {
      const first = id + 1;
      id += count;
      return `generate_series(${first}, ${id})`;
    };
    while (!this.#over) {
      await this.#paused;
      const writing = this.#session(nextIds);
      this.#writing.add(writing);
      await writing;
      this.#writing.delete(writing);
      await sleep(20);
    }
  }

  /** Until the connection is lost or nobody wants more. */
  async #session(nextIds: NextIds): Promise<void> {
    let client: pg.Client | undefined;
    try {
      client = await this.#server.connect();
      while (!this.#over && this.#paused === undefined) {
        await this.#write(client, nextIds, this.#random);
        await sleep(this.#random() * PAUSE_MS_MAX);
      }
    } catch {
      // The server went away. Whether it has committed, the table will tell.
    } finally {
      await client?.end().catch(() => {});
    }
  }
}

function transaction(nextIds: NextIds, random: () => number): string {
  const insert = (rows: number, bytes: number): string =>
    `INSERT INTO chaos (id, filler) SELECT i, repeat('x', ${bytes}) FROM ${nextIds(rows)} i;`;
  const rows = 1 + Math.floor(random() * 10);
  const kind = random();
  if (kind < 0.95) return insert(rows, 40);
  if (kind < 0.96) return insert(1, 200_000);
  // More than logical_decoding_work_mem: spilled by the server, or streamed.
  if (kind < 0.97) return insert(1500, 60);
  const rolledBack = `SAVEPOINT s; ${insert(400, 60)} ROLLBACK TO s;`;
  const kept = `SAVEPOINT k; ${insert(300, 60)} RELEASE k;`;
  if (kind < 0.99) return `BEGIN; ${kept} ${rolledBack} ${insert(300, 60)} COMMIT`;
  return `BEGIN; ${insert(900, 60)} ROLLBACK`;
}

export interface TrueTransaction {
  readonly xid: number;
  readonly endLsn: Lsn;
  /** In order; never none. */
  readonly ids: readonly number[];
}

/** To be called before anything is written. */
export async function createOracle(server: TestServer): Promise<void> {
  await server.sql(`SELECT pg_create_logical_replication_slot('${ORACLE_SLOT}', 'pgoutput')`);
}

/** What has been committed, in commit order: the rows from the table, the order from the log. */
export async function readTruth(server: TestServer): Promise<readonly TrueTransaction[]> {
  const rows = await server.sql<{ x: string; ids: string[] }>(
    "SELECT x::text, array_agg(id ORDER BY id) AS ids FROM chaos GROUP BY x",
  );
  const idsOf = new Map(rows.map(({ x, ids }) => [Number(x), ids.map(Number)]));
  // Byte1('C')  Int8 flags  Int64 commit LSN  Int64 end LSN
  const commits = await server.sql<{ xid: string; high: string; low: string }>(
    `SELECT xid::text, encode(substring(data FROM 11 FOR 4), 'hex') AS high, encode(substring(data FROM 15 FOR 4), 'hex') AS low
     FROM pg_logical_slot_peek_binary_changes('${ORACLE_SLOT}', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')
     WHERE get_byte(data, 0) = ${"C".charCodeAt(0)}`,
  );
  const truth = commits.map(({ xid, high, low }) => ({
    xid: Number(xid),
    endLsn: parseLsn(`${high}/${low}`) ?? (0n as Lsn),
    ids: idsOf.get(Number(xid)) ?? [],
  }));
  const real = truth.filter(({ ids }) => ids.length > 0);
  if (real.length !== idsOf.size) {
    throw new Error(`the log has ${real.length} of ${idsOf.size} transactions`);
  }
  return real;
}
