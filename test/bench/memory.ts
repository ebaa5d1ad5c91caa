/** `npm run bench:memory -- [--scale N] [--server VERSION]`: peak resident memory of tail; 1 is the full size. */
import { parseArgs } from "node:util";
import { memoryOf } from "../support/program/memory.ts";
import { MEMORY_TABLE, MEMORY_WORKLOADS } from "../support/program/memory-workloads.ts";
import { type ServerVersion, startServer } from "../support/server/server.ts";

/** Twice: of a tenth of the size, and of all of it. What grows with it is a leak. */
const SHARES = [0.1, 1];

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scale: { type: "string", default: "0.05" },
      server: { type: "string", default: "18" },
    },
  });
  const version = Number(values.server) as ServerVersion;
  console.log(`scale ${values.scale}, PostgreSQL ${version}, Node.js ${process.version}`);
  const server = await startServer({ version, settings: { max_wal_size: "8GB" } });
  try {
    await server.sql(MEMORY_TABLE);
    for (const workload of MEMORY_WORKLOADS) {
      const figures: string[] = [];
      for (const share of SHARES) {
        const size = Math.ceil(workload.size * Number(values.scale) * share);
        figures.push(`${size}: ${(await memoryOf(server, workload, size)).toFixed(0)} MB`);
      }
      console.log(`${workload.name}: ${figures.join(", ")}`);
    }
  } finally {
    await server.dispose();
  }
}

await main(process.argv.slice(2));
