/** The catalogue followed through random DDL, against what the server said after each statement. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CatalogFile } from "../../src/catalog/model.ts";
import { WalctlError } from "../../src/errors.ts";
import { exportCatalog } from "../rows/support/export.ts";
import type { Probe } from "../rows/support/probes.ts";
import { workOnTables } from "../rows/support/random-ddl.ts";
import { replay } from "../rows/support/replay.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { isThorough, newestOrNamed } from "./support/versions.ts";

const STEPS = isThorough() ? 800 : 250;
const CUTS = isThorough() ? 20 : 5;
const SEED = Number(process.env["WALCTL_TEST_SEED"] ?? 1);

for (const version of newestOrNamed()) {
  for (const level of ["logical", "replica"]) {
    // Catalogues are rewritten in one of them.
    const rewrites = level === "logical";
    describe(`the catalogue over time on PostgreSQL ${version} at wal_level=${level}, seed ${SEED}`, () => {
      let server: TestServer;
      let early: CatalogFile;
      const exports: CatalogFile[] = [];
      let probes: readonly Probe[];

      before(async () => {
        const settings = {
          wal_level: level,
          full_page_writes: "on",
          autovacuum: "off",
          wal_keep_size: "4GB",
          max_wal_size: "4GB",
        };
        server = await startServer({ version, settings });
        // What came before the first checkpoint is not what this is about.
        await server.sql("CHECKPOINT");
        early = await exportCatalog(server);
        const work = await workOnTables(server, {
          seed: SEED,
          steps: STEPS,
          rewrites,
          step: async (step) => {
            if (step % Math.floor(STEPS / 5) === 0) exports.push(await exportCatalog(server));
          },
        });
        exports.push(await exportCatalog(server));
        probes = work.probes;
        assert.ok(work.done > STEPS / 3, `only ${work.done} statements`);
      });
      after(async () => await server.dispose());

      it("is what the server said, from an export before all", async () => {
        const { late } = await replay(server, early, probes, { from: early.header.lsn });
        assert.ok(!late);
      });

      it("is what the server said or nothing, where the input begins somewhere", async () => {
        const last = exports.at(-1)!;
        let known = 0;
        let refused = 0;
        // In the middle of transactions too.
        for (let cut = 1; cut <= CUTS; cut++) {
          const { lsn: from } = probes[Math.floor((probes.length * cut) / (CUTS + 1))]!;
          try {
            known += (await replay(server, last, probes, { from, mayLack: true })).known;
          } catch (error) {
            // A catalogue that was rewritten twice.
            if (!rewrites || !(error instanceof WalctlError)) throw error;
            assert.match(error.message, /was rewritten at .* before the catalogue was exported/);
            refused++;
          }
        }
        assert.ok(known > 1000 || refused > 0, `only ${known} answers`);
      });

      for (let index = 0; index < 6; index++) {
        it(`is what the server said, from export ${index} on`, async () => {
          const { late } = await replay(server, exports[index]!, probes);
          assert.ok(late);
        });
      }
    });
  }
}
