import type { Client, QueryResultRow } from "pg";
import { type Hints, serverError } from "./server-errors.ts";

/**
 * Runs one statement in the simple protocol, the only one that a walsender takes, and returns its rows.
 * `Row` says what the statement selects; the caller answers for it.
 * @param doing for the error, in the infinitive: `read publication "p"`
 */
export async function queryRows<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  doing: string,
  hints: Hints = {},
): Promise<readonly Row[]> {
  try {
    return (await client.query<Row>(sql)).rows;
  } catch (error) {
    throw serverError(error, doing, hints);
  }
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

/** Runs `body` in a transaction that ends as `end` says, or is rolled back when it throws. */
export async function inTransaction<Result>(
  client: Client,
  end: "COMMIT" | "ROLLBACK",
  doing: string,
  body: () => Promise<Result>,
): Promise<Result> {
  await execute(client, "BEGIN", doing);
  let result: Result;
  try {
    result = await body();
  } catch (error) {
    // The body's error is the one that matters; on a lost connection this one fails too.
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
  await execute(client, end, doing);
  return result;
}
