import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { NO_HORIZON } from "../../../src/server/start/horizon.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { TypeCatalogue } from "../../../src/server/types/catalogue.ts";
import { startServer } from "../../support/server/server.ts";

// pg warned on the user's screen when an idle question met one for a transaction, and pg 9 will refuse it.
test("questions that are asked at once are asked one after another", async (t) => {
  const server = await startServer({ version: 18 });
  t.after(() => server.dispose());
  await server.sql("CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('ok')");
  const rows = await server.sql<{ oid: number }>(
    "SELECT oid FROM pg_type WHERE typname IN ('pair', 'mood') ORDER BY typname",
  );
  const catalogue = new TypeCatalogue(resolveTarget({}, server.env, () => {}));
  t.after(() => catalogue.close());
  const warned = once(process, "warning").then(([warning]: Error[]) => warning?.message);
  const answers = await Promise.all(
    [...rows, ...rows].map(({ oid }) => catalogue.lookUp([oid], "none", NO_HORIZON)),
  );
  assert.deepEqual(
    answers.map(({ types }) => types.map(({ name }) => name)),
    [["mood"], ["pair"], ["mood"], ["pair"]],
  );
  const quiet = new Promise((resolve) => setImmediate(resolve, "no warning"));
  assert.equal(await Promise.race([warned, quiet]), "no warning");
});
