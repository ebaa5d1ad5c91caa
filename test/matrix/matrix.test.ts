/**
 * Every workload on every version: each printed row is what row_to_json of that server says, each table what
 * a subscriber makes of its lines, and whichever way the stream is asked for, the same transactions come.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compareRows } from "./support/oracle.ts";
import { compareTables } from "./support/replay.ts";
import { MatrixRun, type Variant } from "./support/run.ts";
import { compareFates } from "./support/same-fates.ts";
import { testedVersions } from "./support/versions.ts";
import { type Workload, schemasOf } from "./support/workload.ts";
import { WORKLOADS } from "./workloads/all.ts";

const BASE: Variant = { name: "protocol 1", since: 14, flags: ["--messages"] };

/** Ways of asking that must not make a difference to what was committed. */
const STREAMED: readonly Variant[] = [
  { name: "streaming on", since: 14, flags: ["--messages", "--streaming", "on"] },
  { name: "streaming parallel", since: 16, flags: ["--messages", "--streaming", "parallel"] },
  {
    name: "streaming each change",
    since: 16,
    flags: ["--messages", "--streaming", "parallel"],
    env: { PGOPTIONS: "-c debug_logical_replication_streaming=immediate" },
  },
  { name: "two-phase", since: 15, flags: ["--messages", "--two-phase"] },
  { name: "two-phase streaming", since: 15, flags: ["--messages", "--two-phase", "--streaming", "on"] },
];

for (const version of testedVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let run: MatrixRun;

    before(async () => {
      run = await MatrixRun.start(version, WORKLOADS, [BASE, ...STREAMED]);
      await run.perform();
    });
    after(() => run.server.dispose());

    const possible = ({ since }: { since?: number }): boolean => version >= (since ?? 0);

    for (const workload of WORKLOADS.filter(possible)) {
      test(`${workload.name}: rows as row_to_json has them, tables as their replay`, async () => {
        await checkWorkload(run, workload);
      });
    }

    for (const variant of STREAMED.filter(possible)) {
      test(`${variant.name}: the same was committed as at protocol 1`, async () => {
        const base = await run.stream(BASE);
        const other = await run.stream(variant);
        compareFates(other.fates, base.fates);
      });
    }
  });
}

async function checkWorkload(run: MatrixRun, workload: Workload): Promise<void> {
  const failure = run.failures.get(workload);
  if (failure !== undefined) throw failure;
  const stream = await run.stream(BASE);
  const schemas = schemasOf(workload);
  const rows = compareRows(await run.said(), stream.fates.committed, schemas);
  assert.ok(rows >= (workload.rows ?? 1), `only ${rows} rows were compared`);
  await compareTables(run.server, stream.fates, schemas, workload.where ?? {});
  const transactions = run.transactionsOf(workload, stream);
  workload.check?.({ version: run.server.version, transactions, ...stream });
}
