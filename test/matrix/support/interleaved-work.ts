/** Random transactions of several sessions, interleaved statement by statement: a segment ends in the middle of most of them. */
import type pg from "pg";
import type { TestServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { RandomChanges } from "./random-changes.ts";

const SESSIONS = 4;

const SET_UP = `
  CREATE SCHEMA chance;
  SET search_path = chance;
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN small AS int CHECK (value < 100000);
  CREATE TABLE felt (id int PRIMARY KEY, m mood, p pair, s small[]);
  ALTER TABLE felt REPLICA IDENTITY FULL;
  CREATE TABLE keyless (id int, m mood, t text);
  INSERT INTO felt SELECT i, 'glad', ROW(i, 'b'::text)::pair, ARRAY[i] FROM generate_series(1, 50) i;
  INSERT INTO keyless SELECT i, 'sad', 'x' FROM generate_series(1, 50) i`;

/** Each is made with random numbers; what the server refuses is rolled back. */
const STATEMENTS: ReadonlyArray<(number: (below: number) => number) => string> = [
  (number) => {
    const id = number(9999);
    return `INSERT INTO felt SELECT ${id}, (enum_range(NULL::mood))[1], ROW(${number(99)}, 'new'::text)::pair, ARRAY[${number(99)}, NULL] ON CONFLICT (id) DO UPDATE SET p = excluded.p`;
  },
  (number) => `UPDATE felt SET m = (enum_range(NULL::mood))[2] WHERE id % 17 = ${number(17)}`,
  (number) => `DELETE FROM felt WHERE id % 31 = ${number(31)}`,
  (number) =>
    `INSERT INTO keyless SELECT i, (enum_range(NULL::mood))[1], md5(i::text) FROM generate_series(1, ${1 + number(40)}) i`,
  (number) => `DELETE FROM keyless WHERE id = ${number(50)}`,
  (number) => `ALTER TYPE mood RENAME VALUE 'glad' TO 'glad ${number(1000)}'`,
  (number) =>
    `DO $$ BEGIN EXECUTE format('ALTER TYPE chance.mood RENAME VALUE %L TO %L', (enum_range(NULL::chance.mood))[2], 'mood ${number(1000)}'); END $$`,
  (number) => `ALTER TYPE mood ADD VALUE 'mood ${number(1000)}'`,
  (number) => `ALTER TYPE pair RENAME ATTRIBUTE b TO b${number(3)} CASCADE`,
  () => `ALTER TYPE pair RENAME ATTRIBUTE b1 TO b CASCADE`,
  (number) => `ALTER TABLE felt ADD COLUMN x${number(4)} int DEFAULT ${number(100)}`,
  (number) => `ALTER TABLE felt DROP COLUMN x${number(4)}`,
  (number) => `ALTER TABLE felt RENAME COLUMN x${number(4)} TO x${number(4)}`,
  (number) => `ALTER TABLE keyless REPLICA IDENTITY ${["FULL", "NOTHING", "DEFAULT"][number(3)]}`,
  () => `ALTER TABLE keyless RENAME TO unkeyed`,
  () => `ALTER TABLE unkeyed RENAME TO keyless`,
  (number) =>
    `SELECT pg_logical_emit_message(${number(2) === 0}, 'chance', 'message ${number(1000)}')`,
];

interface Session {
  readonly client: pg.Client;
  readonly changes: RandomChanges;
  /** What is left of its transaction. */
  left: string[];
  inTransaction: boolean;
}

export interface InterleavedOptions {
  readonly seed: number;
  readonly steps: number;
  /** Called now and then, in the middle of transactions. */
  readonly exportNow: () => Promise<void>;
}

export async function interleavedWork(
  server: TestServer,
  { exportNow, seed, steps }: InterleavedOptions,
): Promise<void> {
  const random = seededRandom(seed);
  const number = (below: number): number => Math.floor(random() * below);
  const [found] = await server.sql("SELECT to_regnamespace('chance') AS found");
  if (found?.["found"] === null) await server.sql(SET_UP);
  await server.sql("SET search_path = public");
  const sessions: Session[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    const client = await server.connect();
    // Whoever waits for another session waits in vain.
    await client.query("SET search_path = chance; SET lock_timeout = '20ms'");
    const way = ["off", "pglz", "lz4", "zstd"][index]!;
    await client.query(`SET wal_compression = '${way}'`).catch(() => {});
    const changes = new RandomChanges(seededRandom(seed + 1 + index), `s${seed % 1000}_${index}_`);
    sessions.push({ client, changes, left: [], inTransaction: false });
  }
  const prepared: string[] = [];
  const exportEvery = Math.max(Math.floor(steps / 4), 1);
  for (let step = 1; step <= steps; step++) {
    const session = sessions[number(SESSIONS)]!;
    if (session.left.length === 0) session.left = transaction(session, number, prepared.length);
    await next(session, prepared);
    if (number(12) === 0) await server.sql("SELECT pg_switch_wal()");
    if (number(60) === 0) await server.sql("CHECKPOINT");
    if (step % exportEvery === 0) await exportNow();
    if (prepared.length > 0 && number(10) === 0) {
      const [gid] = prepared.splice(number(prepared.length), 1);
      await server.sql(`${number(3) === 0 ? "ROLLBACK" : "COMMIT"} PREPARED '${gid}'`);
    }
  }
  for (const session of sessions) {
    if (session.inTransaction) await session.client.query(number(2) === 0 ? "COMMIT" : "ROLLBACK");
    await session.client.end();
  }
  for (const gid of prepared) await server.sql(`COMMIT PREPARED '${gid}'`);
}

function transaction(
  { changes }: Session,
  number: (below: number) => number,
  prepared: number,
): string[] {
  const own = (): string => STATEMENTS[number(STATEMENTS.length)]!(number);
  const statements =
    number(3) === 0
      ? ["BEGIN", ...Array.from({ length: 1 + number(6) }, own), "COMMIT"]
      : changes.next().split("; ");
  if (statements.at(-1) === "COMMIT" && prepared < 3 && number(6) === 0) {
    statements[statements.length - 1] = `PREPARE TRANSACTION 'chance ${number(1e9)}'`;
  }
  return statements;
}

/** One that the server refuses ends the session's transaction. */
async function next(session: Session, prepared: string[]): Promise<void> {
  const statement = session.left.shift()!;
  try {
    await session.client.query(statement);
    if (statement === "BEGIN") session.inTransaction = true;
    if (/^(COMMIT|ROLLBACK|PREPARE TRANSACTION .*)$/.test(statement)) session.inTransaction = false;
    const gid = /^PREPARE TRANSACTION '(.*)'$/.exec(statement)?.[1];
    if (gid !== undefined) prepared.push(gid);
  } catch {
    session.changes.failed();
    session.left = [];
    session.inTransaction = false;
    await session.client.query("ROLLBACK");
  }
}
