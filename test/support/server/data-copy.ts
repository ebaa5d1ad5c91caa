/** The files of a test's server as they were at some time, and back to them: as a restored backup. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestServer } from "./server.ts";

export class DataCopy {
  readonly #server: TestServer;
  readonly #folder: string;

  private constructor(server: TestServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  /** Of a server that is stopped for a moment. Whoever takes it disposes of it. */
  static async take(server: TestServer): Promise<DataCopy> {
    const folder = mkdtempSync(join(tmpdir(), "walctl-copy-"));
    await server.stop();
    execFileSync("cp", ["-a", dataOf(server), join(folder, "data")]);
    await server.start();
    return new DataCopy(server, folder);
  }

  /** `promoted`: as a standby that was promoted right then, so that a new timeline begins there. */
  async restore(options: { readonly promoted?: boolean } = {}): Promise<void> {
    await this.#server.stop();
    rmSync(dataOf(this.#server), { recursive: true });
    execFileSync("cp", ["-a", join(this.#folder, "data"), dataOf(this.#server)]);
    if (options.promoted === true) await promote(this.#server);
    else await this.#server.start();
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Starts a server that is stopped as a standby, and promotes it. */
export async function promote(server: TestServer): Promise<void> {
  // Of the owner and with the rights of a file that is there.
  const data = dataOf(server);
  execFileSync("cp", ["-p", join(data, "PG_VERSION"), join(data, "standby.signal")]);
  await server.start();
  await server.sql("SELECT pg_promote()");
}

function dataOf(server: TestServer): string {
  return join(server.host, "data");
}
