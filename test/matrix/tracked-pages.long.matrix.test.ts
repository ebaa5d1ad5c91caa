/** Tracked pages against the server's own heap files, on every version. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { after, before, describe, it } from "node:test";
import { PageStore } from "../../src/rows/pages/page-store.ts";
import { comparePages } from "../rows/support/heap-files.ts";
import { MemorySpill } from "../rows/support/memory-spill.ts";
import { followLog } from "../rows/support/log.ts";
import { workOnRows } from "../rows/support/random-rows.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";
import { isThorough, newestOrNamed } from "./support/versions.ts";

const STEPS = isThorough() ? 300 : 120;
const SEED = Number(process.env["WALCTL_TEST_SEED"] ?? 1);
const TUPLES_MIN = 1000;

for (const version of newestOrNamed()) {
  for (const level of ["replica", "logical"]) {
    describe(`pages on PostgreSQL ${version} at wal_level=${level}, seed ${SEED}`, () => {
      let server: TestServer;

      before(async () => {
        const settings = {
          wal_level: level,
          full_page_writes: "on",
          wal_log_hints: level === "logical" ? "on" : "off",
          autovacuum: "off",
          wal_keep_size: "4GB",
          max_wal_size: "4GB",
        };
        server = await startServer({ version, settings });
      });
      after(async () => await server.dispose());

      it("equal the server's files, item by item", async () => {
        const rounds: readonly string[][] = [
          ["wal_compression = off"],
          ["wal_compression = pglz", "wal_consistency_checking = 'heap, heap2'"],
        ];
        await pgbench(server, "-i", "-q");
        for (const [round, changes] of rounds.entries()) {
          for (const change of changes) {
            await server.sql(
              `ALTER SYSTEM SET ${change.replace("pglz", version < 15 ? "on" : "pglz")}`,
            );
          }
          await server.sql("SELECT pg_reload_conf()");
          await workOnRows(server, { seed: SEED + round, steps: STEPS });
          await pgbench(server, "-c", "3", "-t", "300");
        }
        await server.sql("CHECKPOINT");
        const spill = new MemorySpill();
        const stores = [undefined, { spill, bytesMax: 0 }].map(
          (memory) => new PageStore({ tracks: () => "all", memory }),
        );
        await followLog(server, (record, walVersion) => {
          for (const store of stores) store.apply(record, walVersion);
          return true;
        });
        await server.stop();
        await server.start();
        for (const store of stores) {
          const compared = await comparePages(server, store);
          assert.ok(compared.tuples > TUPLES_MIN && compared.completePages > 100);
        }
        assert.ok(spill.writes > 1000 && spill.reads > 1000);
      });
    });
  }
}

async function pgbench(server: TestServer, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, ...server.env };
  await promisify(execFile)(toolPath("pgbench"), args, { env });
}
