import type { Workload } from "../support/workload.ts";

const WIDE = Array.from({ length: 1600 }, (_, index) => `c${index + 1}`);

/** Rows of a megabyte, tables of 1,600 columns, and what COPY brings. */
export const large: Workload = {
  name: "large",
  setup: [
    "CREATE TABLE megabytes (id int PRIMARY KEY, body text, bytes bytea, doc json)",
    `CREATE TABLE wide (${WIDE.map((name, index) => `${name} int${index === 0 ? " PRIMARY KEY" : ""}`).join(", ")})`,
    "CREATE TABLE digits (id int PRIMARY KEY, n numeric, a numeric[])",
    "CREATE TABLE copied (id int, t text, n numeric, ts timestamptz)",
    "ALTER TABLE copied REPLICA IDENTITY FULL",
    "SELECT watch('megabytes'), watch('wide'), watch('copied'), watch('digits')",
    "CREATE PUBLICATION matrix_large FOR TABLE megabytes, wide, copied, digits",
  ],
  steps: async (server) => {
    await server.sql(`INSERT INTO megabytes SELECT i, repeat(E'é"\\\\\\n\\t' || i, 150000), decode(repeat('00ff', 50000), 'hex'),
      json_build_object('a', repeat('"x', 50000)) FROM generate_series(1, 2) i`);
    await server.sql("UPDATE megabytes SET id = id + 10");
    await server.sql("UPDATE megabytes SET body = upper(body) WHERE id = 12");
    // As many as a numeric can have, before the point and behind it.
    await server.sql("INSERT INTO digits VALUES (1, '1e131071', '{1e-16383,-1e131071}')");
    await server.sql(`INSERT INTO wide (c1) VALUES (1)`);
    await server.sql(`INSERT INTO wide VALUES (${WIDE.map((_, index) => index - 800).join(", ")})`);
    await server.sql("UPDATE wide SET c1600 = -1, c2 = NULL WHERE c1 = 1");
    await server.sql("DELETE FROM wide WHERE c1 = 1");
    const file = `${server.host}/copied.dat`;
    await server.sql(
      `COPY (SELECT i, nullif(repeat(chr(i % 1000 + 1), i % 7), ''), i / 10.0, timestamptz '2026-11-24 10:57:43Z' + i * interval '1 ms'
        FROM generate_series(1, 1500) i) TO '${file}'`,
    );
    await server.sql(`COPY copied FROM '${file}'`);
    await server.sql(`BEGIN; COPY copied FROM '${file}'; DELETE FROM copied WHERE id > 50; COMMIT`);
    await server.sql(
      `CREATE TABLE frozen (LIKE copied); SELECT watch('frozen'); ALTER PUBLICATION matrix_large ADD TABLE frozen;
        COPY frozen FROM '${file}' (FREEZE)`,
    );
  },
  rows: 4500,
};
