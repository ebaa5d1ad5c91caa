/** A standby of a test's server, made of a copy of its files. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestServer, startServer } from "./server.ts";

/** The primary is stopped for a moment. Whoever starts a standby disposes of it. */
export async function startStandby(primary: TestServer): Promise<TestServer> {
  const standby = await startServer({ version: primary.version });
  const kept = mkdtempSync(join(tmpdir(), "walctl-standby-"));
  try {
    await standby.stop();
    await primary.stop();
    const data = join(standby.host, "data");
    // Its own configuration stays: where it listens.
    const own = join(kept, "postgresql.conf");
    execFileSync("cp", ["-p", join(data, "postgresql.conf"), own]);
    rmSync(data, { recursive: true });
    execFileSync("cp", ["-a", join(primary.host, "data"), data]);
    execFileSync("cp", ["-p", own, join(data, "postgresql.conf")]);
    writeFileSync(join(data, "standby.signal"), "");
    appendFileSync(
      join(data, "postgresql.conf"),
      `primary_conninfo = 'host=${primary.host} port=${primary.port} user=postgres'\nhot_standby_feedback = on\nmax_prepared_transactions = 5\n`,
    );
    await primary.start();
    await standby.start();
    return standby;
  } catch (error) {
    await standby.dispose();
    throw error;
  } finally {
    rmSync(kept, { recursive: true });
  }
}
