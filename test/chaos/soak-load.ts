/** Writers that work steadily, with bursts, and what of it a reader has to see. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { seededRandom } from "../support/tools/random.ts";
import type { TestServer } from "../support/server/server.ts";

export const SOAK_TABLES = `
  CREATE TABLE soak (writer integer, id integer, bytes integer NOT NULL, filler text NOT NULL,
    doc jsonb NOT NULL DEFAULT '{"state": "new", "tags": ["a", "b"]}', at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (writer, id));
  CREATE SCHEMA burst;
  CREATE PUBLICATION p FOR TABLE soak, TABLES IN SCHEMA burst`;

const WRITERS = 3;
const PAUSE_MS_MAX = 20;
const BURST_PAUSE_MS = 5_000;
const LARGE_BYTES = 1_000_000;

type Kind = "insert" | "update" | "delete";

/** The same change of the rows `next` to `last`, one after another. */
interface Run {
  readonly kind: Kind;
  next: number;
  readonly last: number;
}

/** One session. Its rows come in its own order, whatever others do meanwhile. */
class SoakWriter {
  readonly #number: number;
  readonly #random: () => number;
  readonly #due: Run[] = [];
  #oldest = 1;
  #next = 1;
  /** Rows of new tables have negative ids. */
  #tableId = -1;
  transactions = 0;
  changes = 0;

  constructor(number: number, random: () => number) {
    this.#number = number;
    this.#random = random;
  }

  /** Whether this is the change that comes next. */
  sees(kind: string, id: number): boolean {
    const [run] = this.#due;
    if (run?.kind !== kind || run.next !== id) return false;
    if (run.next === run.last) this.#due.shift();
    else run.next++;
    return true;
  }

  get unseen(): number {
    return this.#due.reduce((sum, { next, last }) => sum + last - next + 1, 0);
  }

  async write(client: pg.Client): Promise<void> {
    const rows = this.#upTo(10);
    const kind = this.#random();
    if (kind < 0.6) return await this.#insert(client, rows, this.#upTo(200));
    if (kind < 0.85) return await this.#change(client, "update", rows);
    if (kind < 0.95) return await this.#change(client, "delete", rows);
    if (kind < 0.98) return await this.#insert(client, 1, 100_000);
    await client.query(`BEGIN; ${this.#insertion("soak", this.#next, rows, 50)}; ROLLBACK`);
  }

  async burst(client: pg.Client, turn: number): Promise<void> {
    const bursts = [
      async () => await this.#insert(client, 20_000, 60),
      async () => await this.#singly(client, 2000),
      async () => await this.#insert(client, 20, LARGE_BYTES),
      async () => await this.#newTables(client, 100),
      async () => await this.#change(client, "update", 5000),
      async () => await this.#change(client, "delete", 10_000),
    ];
    await bursts[turn % bursts.length]?.();
  }

  async #insert(client: pg.Client, rows: number, bytes: number): Promise<void> {
    const insertion = this.#insertion("soak", this.#next, rows, bytes);
    this.#writesNew(rows, 1);
    await client.query(insertion);
  }

  /** One transaction for each row. */
  async #singly(client: pg.Client, rows: number): Promise<void> {
    const loop = `FOR i IN ${this.#next}..${this.#next + rows - 1} LOOP
      INSERT INTO soak (writer, id, bytes, filler) VALUES (${this.#number}, i, 4, 'tiny'); COMMIT; END LOOP`;
    this.#writesNew(rows, rows);
    await client.query(`DO $$ BEGIN ${loop}; END $$`);
  }

  /** Each has one row, and is gone again. */
  async #newTables(client: pg.Client, count: number): Promise<void> {
    for (let table = 0; table < count; table++) {
      const id = this.#tableId--;
      const name = `burst.t${this.#number}_${-id}`;
      this.#writes({ kind: "insert", next: id, last: id }, 1);
      await client.query(
        `CREATE TABLE ${name} (LIKE soak INCLUDING ALL); ${this.#insertion(name, id, 1, 20)}`,
      );
      await client.query(`DROP TABLE ${name}`);
    }
  }

  /** Of the oldest rows, in the order of their ids. */
  async #change(client: pg.Client, kind: "update" | "delete", rows: number): Promise<void> {
    const first = this.#oldest;
    const last = Math.min(first + rows, this.#next) - 1;
    if (last < first) return;
    const where = `writer = ${this.#number} AND id = i`;
    const statement =
      kind === "update"
        ? `UPDATE soak SET bytes = 7, filler = 'changed', doc = doc || '{"state": "sent"}' WHERE ${where}`
        : `DELETE FROM soak WHERE ${where}`;
    if (kind === "delete") this.#oldest = last + 1;
    this.#writes({ kind, next: first, last }, 1);
    await client.query(
      `DO $$ BEGIN FOR i IN ${first}..${last} LOOP ${statement}; END LOOP; END $$`,
    );
  }

  #insertion(table: string, first: number, rows: number, bytes: number): string {
    return `INSERT INTO ${table} (writer, id, bytes, filler)
      SELECT ${this.#number}, i, ${bytes}, repeat('x', ${bytes}) FROM generate_series(${first}, ${first + rows - 1}) i`;
  }

  #writesNew(rows: number, transactions: number): void {
    const next = this.#next;
    this.#next += rows;
    this.#writes({ kind: "insert", next, last: this.#next - 1 }, transactions);
  }

  /** Call it before it is written: a reader may be faster than the answer. */
  #writes(run: Run, transactions: number): void {
    this.#due.push(run);
    this.transactions += transactions;
    this.changes += run.last - run.next + 1;
  }

  #upTo(count: number): number {
    return 1 + Math.floor(this.#random() * count);
  }
}

export class SoakLoad {
  readonly #random: () => number;
  readonly #writers: readonly SoakWriter[];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#writers = Array.from(
      { length: WRITERS },
      (_, index) => new SoakWriter(index, this.#random),
    );
  }

  get transactions(): number {
    return this.#writers.reduce((sum, { transactions }) => sum + transactions, 0);
  }

  get changes(): number {
    return this.#writers.reduce((sum, { changes }) => sum + changes, 0);
  }

  /** Changes that sees() was not told of. */
  get unseen(): number {
    return this.#writers.reduce((sum, { unseen }) => sum + unseen, 0);
  }

  /** Whether this is the writer's next change. */
  sees(kind: string, writer: number, id: number): boolean {
    return this.#writers[writer]?.sees(kind, id) ?? false;
  }

  async run(server: TestServer, durationMs: number): Promise<void> {
    const end = performance.now() + durationMs;
    await Promise.all(
      this.#writers.map((writer, index) => this.#write(server, writer, index, end)),
    );
  }

  /** Bursts come from one writer after the other. */
  async #write(server: TestServer, writer: SoakWriter, index: number, end: number): Promise<void> {
    const client = await server.connect();
    try {
      let nextBurst = performance.now() + (index + 1) * BURST_PAUSE_MS;
      for (let turn = index; performance.now() < end;) {
        await writer.write(client);
        await sleep(this.#random() * PAUSE_MS_MAX);
        if (performance.now() < nextBurst) continue;
        await writer.burst(client, turn++);
        nextBurst += WRITERS * BURST_PAUSE_MS;
      }
    } finally {
      await client.end();
    }
  }
}
