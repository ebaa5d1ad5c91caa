/** Random transactions of DML and DDL, the same ones for a seed. */

interface Table {
  name: string;
  /** Beside `id`. */
  columns: string[];
}

type Random = () => number;

const TYPES = ["int", "bigint", "text", "numeric", "timestamptz", "jsonb", "text[]", "bytea"];
const VALUES: Readonly<Record<string, (random: Random) => string>> = {
  int: (random) => String(Math.floor(random() * 1e6)),
  bigint: (random) => String(Math.floor(random() * 1e15)),
  text: (random) => textOf(random),
  numeric: (random) => (random() * 1e6).toFixed(Math.floor(random() * 8)),
  timestamptz: (random) => `'2026-11-2${Math.floor(random() * 9)} 10:00:00+00'`,
  jsonb: (random) =>
    `jsonb_build_object('n', ${Math.floor(random() * 99)}, 't', ${textOf(random)})`,
  "text[]": (random) => `ARRAY[${textOf(random)}, NULL, 'x']`,
  bytea: (random) =>
    `decode(repeat('${Math.floor(random() * 89 + 10)}', ${lengthOf(random)}), 'hex')`,
};

/** Of these lengths some are compressed, and some are stored out of line. */
function lengthOf(random: Random): number {
  const [small, large] = [Math.floor(random() * 50), Math.floor(random() * 12_000)];
  return random() < 0.9 ? small : large;
}

function textOf(random: Random): string {
  const length = lengthOf(random);
  // Random text is not compressed below the limit, and so stored out of line.
  if (length > 500 && random() < 0.5) {
    return `(SELECT string_agg(md5((i * ${Math.floor(random() * 1e6)})::text), '') FROM generate_series(1, ${length >> 5}) i)`;
  }
  return `repeat('${random() < 0.2 ? "ä''\\" : "äb"}', ${length})`;
}

export class RandomChanges {
  readonly #random: Random;
  readonly #prefix: string;
  readonly #watch: string;
  #tables: Table[] = [];
  #before: Table[] = [];
  #made = 0;

  /** @param watch what to run for each new table, whose name stands in it as %s */
  constructor(random: Random, prefix: string, watch = "") {
    this.#random = random;
    this.#prefix = prefix;
    this.#watch = watch;
  }

  /** The next transaction, to be sent as one text; perhaps one that is rolled back. */
  next(): string {
    this.#before = structuredClone(this.#tables);
    if (this.#tables.length < 2) return this.#create();
    if (this.#random() < 0.05) return this.#alone();
    const before = structuredClone(this.#tables);
    const statements = this.#statements(1 + Math.floor(this.#random() * 5));
    for (let depth = 0; depth < 3 && this.#random() < 0.3; depth++) {
      const outside = structuredClone(this.#tables);
      statements.push(`SAVEPOINT s${depth}`, ...this.#statements(2));
      if (this.#random() < 0.5) {
        statements.push(`ROLLBACK TO s${depth}`);
        this.#tables = outside;
      }
      statements.push(...this.#statements(1));
    }
    const rolledBack = this.#random() < 0.15;
    if (rolledBack) this.#tables = before;
    return ["BEGIN", ...statements, rolledBack ? "ROLLBACK" : "COMMIT"].join("; ");
  }

  /** The last one was rolled back by an error. */
  failed(): void {
    this.#tables = this.#before;
  }

  #statements(count: number): string[] {
    return Array.from({ length: count }, () => (this.#random() < 0.12 ? this.#ddl() : this.#dml()));
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #create(): string {
    const name = `${this.#prefix}${++this.#made}`;
    const columns = Array.from({ length: 2 + Math.floor(this.#random() * 5) }, (_, index) => {
      return `c${index}_${this.#pick(TYPES).replace("[]", "s")}`;
    });
    this.#tables.push({ name, columns });
    const list = columns.map((column) => `${column} ${typeOf(column)}`).join(", ");
    const identity = this.#random() < 0.3 ? `; ALTER TABLE ${name} REPLICA IDENTITY FULL` : "";
    const watch = this.#watch === "" ? "" : `; ${this.#watch.replace("%s", name)}`;
    return `CREATE TABLE ${name} (id int PRIMARY KEY, ${list})${identity}${watch}`;
  }

  /** What cannot run in a transaction. */
  #alone(): string {
    const { name } = this.#pick(this.#tables);
    return this.#pick([
      `VACUUM ${name}`,
      `VACUUM FULL ${name}`,
      `VACUUM FREEZE ${name}`,
      "CHECKPOINT",
    ]);
  }

  #ddl(): string {
    const table = this.#pick(this.#tables);
    const { name, columns } = table;
    const what = this.#random();
    if (what < 0.25) {
      const column = `d${++this.#made}_${this.#pick(TYPES).replace("[]", "s")}`;
      columns.push(column);
      const type = typeOf(column);
      const initial =
        this.#random() < 0.5
          ? ` DEFAULT ${VALUES[type]!(this.#random).replace(/^\(SELECT.*/s, "'x'")}`
          : "";
      return `ALTER TABLE ${name} ADD COLUMN ${column} ${type}${initial}`;
    }
    if (what < 0.4 && columns.length > 1) {
      const [column = ""] = columns.splice(Math.floor(this.#random() * columns.length), 1);
      return `ALTER TABLE ${name} DROP COLUMN ${column}`;
    }
    if (what < 0.5) {
      const at = columns.findIndex((column) => typeOf(column) === "int");
      if (at < 0) return `CREATE INDEX ON ${name} (id)`;
      const column = columns[at]!;
      const renamed = `e${++this.#made}_bigint`;
      columns[at] = renamed;
      return `ALTER TABLE ${name} ALTER COLUMN ${column} TYPE bigint; ALTER TABLE ${name} RENAME COLUMN ${column} TO ${renamed}`;
    }
    if (what < 0.6) return `TRUNCATE ${name}`;
    if (what < 0.7)
      return `ALTER TABLE ${name} REPLICA IDENTITY ${this.#pick(["FULL", "DEFAULT"])}`;
    if (what < 0.8 && this.#tables.length > 2) {
      this.#tables.splice(this.#tables.indexOf(table), 1);
      return `DROP TABLE ${name}`;
    }
    if (what < 0.9) {
      const renamed = `${this.#prefix}${++this.#made}`;
      table.name = renamed;
      return `ALTER TABLE ${name} RENAME TO ${renamed}`;
    }
    return this.#create();
  }

  #dml(): string {
    const { name, columns } = this.#pick(this.#tables);
    const id = Math.floor(this.#random() * 60);
    const value = (column: string): string =>
      this.#random() < 0.1 ? "NULL" : VALUES[typeOf(column)]!(this.#random);
    const what = this.#random();
    if (what < 0.45) {
      const rows = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, (_, index) => {
        return `(${[id + index * 61, ...columns.map(value)].join(", ")})`;
      });
      const conflict =
        this.#random() < 0.3
          ? `UPDATE SET id = excluded.id, ${columns[0]} = excluded.${columns[0]}`
          : "NOTHING";
      const target = conflict === "NOTHING" ? "" : " (id)";
      return `INSERT INTO ${name} (id, ${columns.join(", ")}) VALUES ${rows.join(", ")} ON CONFLICT${target} DO ${conflict}`;
    }
    if (what < 0.8) {
      const column = this.#pick(columns);
      return `UPDATE ${name} SET ${column} = ${value(column)} WHERE id BETWEEN ${id} AND ${id + 3}`;
    }
    if (what < 0.87)
      return `UPDATE ${name} SET id = id + 10000 WHERE id = ${id} AND NOT EXISTS (SELECT FROM ${name} o WHERE o.id = ${id} + 10000)`;
    return `DELETE FROM ${name} WHERE id BETWEEN ${id} AND ${id + 1}`;
  }
}

function typeOf(column: string): string {
  const name = column.slice(column.indexOf("_") + 1);
  return name === "texts" ? "text[]" : name;
}
