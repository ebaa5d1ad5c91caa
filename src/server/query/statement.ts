/*
 * Sends SQL to the server, and reports its errors.
 * Law: every statement goes through this file, which sets the search_path, and sql.ts quotes the names in it.
 * Way in: queryRows(); outlook.ts says whether another attempt after an SQLSTATE may succeed.
 */

import type { Client, QueryResult, QueryResultRow } from "pg";
import { type Hints, serverError } from "./server-errors.ts";
import { OWN_PATH_FOR_STATEMENT, SETTINGS_FOR_STATEMENT } from "./session-settings.ts";

/**
 * Runs one statement in the simple protocol, the only one that a walsender supports, and returns its rows. Its names
 * are looked up in pg_catalog only, whatever the session's search_path is. The caller guarantees that `Row` describes
 * the columns.
 * @param doing for the error, in the infinitive: `read publication "p"`
 */
export async function queryRows<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints = {},
): Promise<readonly Row[]> {
  // For a walsender's session, connect() has made them.
  const settings = isWalSender(client) ? "" : SETTINGS_FOR_STATEMENT;
  return await run<Row>(client, settings + sql, doing, hints);
}

/** Like queryRows(), but looks up the user's names along the role's own search_path. `sql` qualifies all others. */
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
    // Several statements in one message have several results.
    const result: QueryResult<Row> | Array<QueryResult<Row>> = await client.query<Row>(sql);
    return [result].flat().at(-1)?.rows ?? [];
  } catch (error) {
    throw serverError(error, doing, hints);
  }
}

/** pg's Client has the startup parameter, but its published types do not. */
function isWalSender(client: Client): boolean {
  return Reflect.get(client, "replication") !== undefined;
}

export async function execute(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints = {},
): Promise<void> {
  await queryRows(client, sql, doing, hints);
}

/** Runs `body` in a transaction, which is rolled back if it throws. */
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
    // The body's error is the important one; after a lost connection the rollback fails too.
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
  await run(client, end, doing, {});
  return result;
}
