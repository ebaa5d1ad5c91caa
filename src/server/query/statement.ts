/*
 * SQL to the server and its errors back.
 * Law: every statement goes through this file, which pins the search_path, and names in it are quoted by sql.ts.
 * Way in: queryRows(); outlook.ts says what an SQLSTATE means for another attempt.
 */

import type { Client, QueryResult, QueryResultRow } from "pg";
import { type Hints, serverError } from "./server-errors.ts";
import { OWN_PATH_FOR_STATEMENT, SAFE_PATH_FOR_STATEMENT } from "./session-settings.ts";

/**
 * Runs one statement in the simple protocol, the only one that a walsender takes, and returns its rows.
 * Its names are looked up in pg_catalog alone, whatever the session's search_path.
 * The caller vouches that `Row` is what the statement selects.
 * @param doing for the error, in the infinitive: `read publication "p"`
 */
export async function queryRows<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints = {},
): Promise<readonly Row[]> {
  // connect() has pinned the path of a walsender's session.
  const path = isWalSender(client) ? "" : SAFE_PATH_FOR_STATEMENT;
  return await run<Row>(client, path + sql, doing, hints);
}

/** The same for names that a user gave: looked up along the role's own search_path. `sql` qualifies all others. */
export async function queryAlongOwnPath<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  doing: string,
): Promise<readonly Row[]> {
  return await run<Row>(client, OWN_PATH_FOR_STATEMENT + sql, doing, {});
}

async function run<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints,
): Promise<readonly Row[]> {
  try {
    // Several statements in one message have as many results.
    const result: QueryResult<Row> | Array<QueryResult<Row>> = await client.query<Row>(sql);
    return [result].flat().at(-1)?.rows ?? [];
  } catch (error) {
    throw serverError(error, doing, hints);
  }
}

/** pg's Client has the startup parameter, but its types lack it. */
function isWalSender(client: Client): boolean {
  return Reflect.get(client, "replication") !== undefined;
}

/** Runs one statement for its effect. */
export async function execute(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints = {},
): Promise<void> {
  await queryRows(client, sql, doing, hints);
}

/** Runs `body` in a transaction, which is rolled back when it throws. */
export async function inTransaction<Result>(
  client: Client,
  end: "COMMIT" | "ROLLBACK",
  doing: string,
  body: () => Promise<Result>,
): Promise<Result> {
  await run(client, "BEGIN", doing, {});
  let result: Result;
  try {
    result = await body();
  } catch (error) {
    // The body's error is the one that matters; on a lost connection this one fails too.
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
  await run(client, end, doing, {});
  return result;
}
