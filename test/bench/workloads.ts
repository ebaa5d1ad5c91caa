/** What is written to the server before it is measured: W1 to W7 of the bench's README. */

export interface Workload {
  readonly name: string;
  /** For the table of results. */
  readonly title: string;
  /** Run before the slot exists: it is not part of the stream. */
  readonly setup: (size: number) => string;
  /** One statement, perhaps of many transactions. */
  readonly fill: (size: number) => string;
  /** Rows, or transactions of W4, or megabytes of W6, at --scale 1. */
  readonly size: number;
}

/** Committed in the middle of a DO block, which is how a server fills itself fastest. */
function inTransactions(count: string, perTransaction: number, body: string): string {
  return `DO $$ BEGIN
    FOR lo IN 0 .. ${count} - 1 BY ${perTransaction} LOOP
      ${body};
      COMMIT;
    END LOOP;
  END $$`;
}

const NARROW = "id bigint PRIMARY KEY, customer integer NOT NULL, note text, done boolean";
const NARROW_ROW =
  "SELECT i, i % 5000, 'note number ' || i, i % 2 = 0 FROM generate_series(lo + 1, lo + 1000) i";

/** 25 columns of the types that tables are made of: name, type, an expression in the row number i. */
const MIXED: ReadonlyArray<readonly [name: string, type: string, expression: string]> = [
  ["id", "bigint PRIMARY KEY", "i"],
  ["customer_id", "integer", "i % 100000"],
  ["quantity", "smallint", "i % 100"],
  ["price", "numeric(12,2)", "(i % 1000000) / 100.0"],
  ["discount", "double precision", "(i % 1000) / 3.0"],
  ["weight", "real", "(i % 777) / 7.0"],
  ["paid", "boolean", "i % 3 = 0"],
  ["status", "varchar(20)", "(ARRAY['new','packed','sent','returned'])[1 + i % 4]"],
  ["email", "text", "'customer' || i || '@example.com'"],
  ["address", "text", "i || ' Long Street, \"Upper\" Townsville'"],
  ["comment", "text", "repeat('A longer remark on this order. ', 1 + i % 4)"],
  ["code", "char(8)", "lpad(i::text, 8, '0')"],
  ["token", "uuid", "md5(i::text)::uuid"],
  ["created_at", "timestamptz", "timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '1 s'"],
  ["updated_at", "timestamp", "timestamp '2026-01-01 00:00:00.5' + i * interval '1 min'"],
  ["due", "date", "date '2026-01-01' + i % 365"],
  ["slot", "time", "time '08:00' + i % 600 * interval '1 min'"],
  [
    "attributes",
    "jsonb",
    `jsonb_build_object('color', 'red', 'size', i % 50, 'tags', '["a","b"]'::jsonb)`,
  ],
  ["extra", "json", `'{"source": "web", "visit": 12}'::json`],
  ["tags", "text[]", "ARRAY['one', 'two three', 'n' || i % 10]"],
  ["numbers", "integer[]", "ARRAY[i % 10, i % 100, i % 1000]"],
  ["client", "inet", "('10.0.' || i % 256 || '.7')::inet"],
  ["digest", "bytea", "decode(md5(i::text), 'hex')"],
  ["missing", "text", "NULL"],
  ["größe", "text", "'Größe ' || i % 40 || ' – äöü'"],
];

/** Half of the values without a line feed, half in lines, of 10 kB to 1 MB, as likely to be small as to be large. */
const LARGE_VALUES = (megabytes: number): string => `DO $$
  DECLARE
    total bigint := 0; n integer := 0; bytes integer;
    line text := 'The quick brown fox jumps over the lazy dog, and 12345678 others looked at it for a while.';
  BEGIN
    PERFORM setseed(0.5);
    WHILE total < ${megabytes}::bigint * 1000000 LOOP
      bytes := (10000 * power(100, random()))::integer;
      n := n + 1;
      INSERT INTO w6 VALUES (n, left(repeat(line || CASE n % 2 WHEN 0 THEN '' ELSE E'\\n' END, bytes / 80), bytes));
      total := total + bytes;
      IF n % 10 = 0 THEN COMMIT; END IF;
    END LOOP;
  END $$`;

export const WORKLOADS: readonly Workload[] = [
  {
    name: "W1",
    title: "narrow rows, 1,000 a transaction",
    size: 1_000_000,
    setup: () => `CREATE TABLE w1 (${NARROW})`,
    fill: (size) => inTransactions(String(size), 1000, `INSERT INTO w1 ${NARROW_ROW}`),
  },
  {
    name: "W2",
    title: "rows of 25 mixed columns",
    size: 200_000,
    setup: () => `CREATE TABLE w2 (${MIXED.map(([name, type]) => `"${name}" ${type}`).join(", ")})`,
    fill: (size) =>
      inTransactions(
        String(size),
        1000,
        `INSERT INTO w2 SELECT ${MIXED.map(([, , expression]) => expression).join(", ")}
           FROM generate_series(lo + 1, lo + 1000) i`,
      ),
  },
  {
    name: "W3",
    title: "updates and deletes, REPLICA IDENTITY FULL",
    size: 450_000,
    setup: (size) => `CREATE TABLE w3 (${NARROW});
      ALTER TABLE w3 REPLICA IDENTITY FULL;
      INSERT INTO w3 SELECT i, i % 5000, 'note number ' || i, i % 2 = 0 FROM generate_series(1, ${(size * 2) / 3}) i`,
    // Two updates for each delete: the delete is of a row that was updated.
    fill: (size) =>
      inTransactions(
        String((size * 2) / 3),
        1000,
        `UPDATE w3 SET customer = customer + 1, note = note || '!' WHERE id > lo AND id <= lo + 1000;
         DELETE FROM w3 WHERE id > lo AND id <= lo + 500`,
      ),
  },
  {
    name: "W4",
    title: "tiny transactions",
    size: 120_000,
    setup: () => `CREATE TABLE w4 (${NARROW})`,
    fill: (size) =>
      inTransactions(String(size), 1, "INSERT INTO w4 VALUES (lo, lo % 5000, 'note', true)"),
  },
  {
    name: "W5",
    title: "one transaction",
    size: 1_000_000,
    setup: () => `CREATE TABLE w5 (${NARROW})`,
    fill: (size) =>
      `INSERT INTO w5 SELECT i, i % 5000, 'note number ' || i, i % 2 = 0 FROM generate_series(1, ${size}) i`,
  },
  {
    name: "W6",
    title: "MB in values of 10 kB to 1 MB",
    size: 500,
    // Stored as they are: else what is measured is the server's decompression.
    setup: () =>
      "CREATE TABLE w6 (id bigint PRIMARY KEY, body text); ALTER TABLE w6 ALTER body SET STORAGE EXTERNAL",
    fill: LARGE_VALUES,
  },
  {
    name: "W7",
    title: "MB in values of 256 kB that the server compresses",
    size: 600,
    setup: () => "CREATE TABLE w7 (id bigint PRIMARY KEY, body text)",
    fill: (size) =>
      inTransactions(
        String(Math.ceil((size * 1000) / 256)),
        10,
        "INSERT INTO w7 SELECT g, repeat(md5(g::text), 8000) FROM generate_series(lo, lo + 9) g",
      ),
  },
];

/** A multiple of 3,000, which all of them divide their transactions by; of megabytes at least 5. */
export function scaled({ size }: Workload, scale: number): number {
  const wanted = size * scale;
  return size < 1000
    ? Math.max(5, Math.round(wanted))
    : Math.max(3000, Math.round(wanted / 3000) * 3000);
}
