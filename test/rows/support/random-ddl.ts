/** Random DDL of several sessions at once, and after each statement what the server says of its tables. */
import type pg from "pg";
import type { TestServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type Probe, probe } from "./probes.ts";

const SESSIONS = 3;
const TYPES = [
  "int",
  "text",
  "bigint[]",
  "numeric(9,2)",
  "timestamptz",
  "mood",
  "pair",
  "small",
  "span",
  "varchar(40)",
];

const SET_UP = `
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN small AS int CHECK (value < 1000);
  CREATE TYPE span AS RANGE (subtype = float8)`;

interface Session {
  readonly name: string;
  readonly client: pg.Client;
  inTransaction: boolean;
  /** What was asked since each. */
  savepoints: Probe[][];
}

export interface Work {
  readonly probes: readonly Probe[];
  /** Statements that the server took. */
  readonly done: number;
}

export interface WorkOptions {
  readonly seed: number;
  readonly steps: number;
  /** VACUUM FULL of catalogues too. */
  readonly rewrites: boolean;
  /** Called after each step. */
  readonly step?: (step: number) => Promise<void>;
}

export async function workOnTables(server: TestServer, options: WorkOptions): Promise<Work> {
  const { seed, steps, rewrites } = options;
  const random = seededRandom(seed);
  const number = (below: number): number => Math.floor(random() * below);
  const sessions: Session[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    const client = await server.connect();
    // Whoever waits for another session waits in vain.
    await client.query("SET lock_timeout = '50ms'");
    sessions.push({ name: `session ${index}`, client, inTransaction: false, savepoints: [] });
  }
  const [found] = await server.sql("SELECT to_regtype('mood') AS found");
  if (found?.["found"] === null) await server.sql(SET_UP);
  const probes: Probe[] = [];
  let done = 0;
  for (let step = 0; step < steps; step++) {
    const session = sessions[number(SESSIONS)]!;
    const statement = nextStatement(
      session,
      number,
      rewrites && !sessions.some((each) => each.inTransaction),
    );
    if (await run(session, statement)) done++;
    const said = `seed ${seed} step ${step}, ${session.name}: ${statement}`;
    const asked = await probe(session.client, said);
    probes.push(asked);
    for (const since of session.savepoints) since.push(asked);
    await options.step?.(step);
  }
  for (const { client, inTransaction } of sessions) {
    if (inTransaction) await client.query(number(2) === 0 ? "COMMIT" : "ROLLBACK");
    await client.end();
  }
  return { probes, done };
}

/** In a transaction each statement has a savepoint, so that an error does not end it. Returns whether it was taken. */
async function run(session: Session, statement: string): Promise<boolean> {
  const { client } = session;
  const guarded = session.inTransaction && !/^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT)/.test(statement);
  try {
    if (guarded) await client.query("SAVEPOINT guard");
    await client.query(statement);
    if (guarded) await client.query("RELEASE guard");
  } catch {
    if (guarded) await client.query("ROLLBACK TO guard; RELEASE guard");
    else {
      await client.query("ROLLBACK");
      session.inTransaction = false;
      session.savepoints = [];
    }
    return false;
  }
  if (statement === "BEGIN") session.inTransaction = true;
  if (statement.startsWith("SAVEPOINT s")) session.savepoints.push([]);
  const back = /^ROLLBACK TO s(\d+)$/.exec(statement)?.[1];
  if (back !== undefined) {
    const given = session.savepoints.splice(Number(back) + 1);
    const since = session.savepoints.at(-1)!;
    for (const asked of [...given.flat(), ...since.splice(0)]) asked.rolledBack = true;
  }
  if (/^(COMMIT|ROLLBACK$)/.test(statement)) {
    session.inTransaction = false;
    session.savepoints = [];
  }
  return true;
}

type Numbers = (below: number) => number;

function nextStatement(session: Session, number: Numbers, rewrites: boolean): string {
  if (!session.inTransaction && number(4) === 0) return "BEGIN";
  if (session.inTransaction) {
    switch (number(9)) {
      case 0:
        return "COMMIT";
      case 1:
        return number(2) === 0 ? "ROLLBACK" : "COMMIT";
      case 2:
        return `SAVEPOINT s${session.savepoints.length}`;
      case 3:
        if (session.savepoints.length > 0) {
          return `ROLLBACK TO s${number(session.savepoints.length)}`;
        }
    }
  } else if (rewrites && number(6) === 0) {
    const catalog = [
      "pg_class",
      "pg_attribute",
      "pg_type",
      "pg_index",
      "pg_namespace",
      "pg_enum",
      "pg_range",
    ][number(7)]!;
    return number(3) === 0 && catalog !== "pg_range"
      ? `VACUUM ${catalog}`
      : `VACUUM FULL ${catalog}`;
  }
  return STATEMENTS[number(STATEMENTS.length)]!(number);
}

const table = (number: Numbers): string => `t${number(9)}`;
const type = (number: Numbers): string => TYPES[number(TYPES.length)]!;
const column = (number: Numbers): string => `c${number(6)}`;

const STATEMENTS: ReadonlyArray<(number: Numbers) => string> = [
  (number) =>
    `CREATE TABLE ${table(number)} (id int PRIMARY KEY, c0 ${type(number)}, c1 ${type(number)})`,
  (number) =>
    `CREATE TABLE ${table(number)} (id int, c0 ${type(number)}, c1 text GENERATED ALWAYS AS ('g') STORED) PARTITION BY LIST (id)`,
  (number) => `CREATE TABLE ${table(number)} AS SELECT 1 AS id, 'x' AS c0`,
  (number) => `CREATE UNLOGGED TABLE ${table(number)} (id int, c0 text)`,
  (number) => `CREATE TEMP TABLE temporary_${number(1e9)} (id int, c0 text)`,
  (number) => `DROP TABLE ${table(number)}`,
  (number) => `ALTER TABLE ${table(number)} ADD COLUMN ${column(number)} ${type(number)}`,
  (number) =>
    `ALTER TABLE ${table(number)} ADD COLUMN ${column(number)} int DEFAULT ${number(100)}`,
  (number) => `ALTER TABLE ${table(number)} DROP COLUMN ${column(number)}`,
  (number) => `ALTER TABLE ${table(number)} RENAME COLUMN ${column(number)} TO ${column(number)}`,
  (number) => `ALTER TABLE ${table(number)} RENAME TO ${table(number)}`,
  (number) => `ALTER TABLE ${table(number)} ALTER COLUMN ${column(number)} TYPE text`,
  (number) =>
    `ALTER TABLE ${table(number)} ALTER COLUMN ${column(number)} TYPE varchar(${1 + number(99)}) USING 'x'`,
  (number) =>
    `ALTER TABLE ${table(number)} REPLICA IDENTITY ${["FULL", "NOTHING", "DEFAULT"][number(3)]}`,
  (number) => `ALTER TABLE ${table(number)} ADD PRIMARY KEY (${["id", "c0", "id, c0"][number(3)]})`,
  (number) => {
    const name = table(number);
    return `CREATE UNIQUE INDEX ${name}_own ON ${name} (id); ALTER TABLE ${name} ALTER id SET NOT NULL; ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ${name}_own`;
  },
  (number) => `DROP INDEX t${number(9)}_own`,
  (number) => `ALTER TABLE ${table(number)} SET SCHEMA other`,
  (number) => `ALTER TABLE other.${table(number)} SET SCHEMA public`,
  () => `CREATE SCHEMA other`,
  () => `ALTER SCHEMA other RENAME TO elsewhere`,
  () => `ALTER SCHEMA elsewhere RENAME TO other`,
  (number) => `TRUNCATE ${table(number)}`,
  (number) =>
    `CREATE TABLE ${table(number)} PARTITION OF ${table(number)} FOR VALUES IN (${number(5)})`,
  (number) => `INSERT INTO ${table(number)} (id) VALUES (${number(1000)})`,
  (number) => `VACUUM FULL ${table(number)}`,
  (number) => `ALTER TABLE ${table(number)} SET ${["UNLOGGED", "LOGGED"][number(2)]}`,
  (number) => `ALTER TYPE mood ADD VALUE 'mood ${number(1000)}'`,
  (number) => `ALTER TYPE mood RENAME VALUE 'glad' TO 'glad ${number(1000)}'`,
  (number) => `ALTER TYPE pair ADD ATTRIBUTE d${number(9)} int CASCADE`,
  (number) => `ALTER TYPE pair DROP ATTRIBUTE d${number(9)} CASCADE`,
  (number) => `CREATE TYPE e${number(9)} AS ENUM ('a', 'b ${number(100)}')`,
  (number) => `DROP TYPE e${number(9)}`,
  (number) => `CREATE TYPE r${number(9)} AS RANGE (subtype = int)`,
  (number) => `DROP TYPE r${number(9)}`,
  (number) => `CREATE DOMAIN small${number(9)} AS ${type(number)}`,
  (number) => `DROP DOMAIN small${number(9)}`,
  (number) =>
    `CREATE MATERIALIZED VIEW ${table(number)} AS SELECT i AS id, i AS c0 FROM generate_series(1, 3) i`,
  (number) => `REFRESH MATERIALIZED VIEW ${table(number)}`,
  (number) => `COMMENT ON TABLE ${table(number)} IS 'x'; ANALYZE`,
  (number) => `GRANT SELECT ON ${["pg_class", "pg_proc", table(number)][number(3)]} TO public`,
  (
    number,
  ) => `DO $$ BEGIN FOR i IN 1..3 LOOP BEGIN EXECUTE 'ALTER TABLE ${table(number)} ADD COLUMN x' || i || ' int';
     IF i = 2 THEN RAISE EXCEPTION 'no'; END IF; EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$`,
  (number) => (number(3) === 0 ? "CHECKPOINT" : "VACUUM pg_attribute"),
];
