/** What a program has left behind. */
import { chmod, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../tools/until.ts";

const PATIENCE_MS = 10_000;

/** A folder for temporary files, to be a child's TMPDIR: what is in it at the end was left behind. */
export class Traces {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async watch(): Promise<Traces> {
    const folder = await mkdtemp(join(tmpdir(), "traces-"));
    // Also for the account that root lends to PostgreSQL.
    await chmod(folder, 0o755);
    return new Traces(folder);
  }

  /** Files in the folder, and processes (Linux) that have files in it in their command line; [] is what one hopes for. */
  async left(): Promise<readonly string[]> {
    return [...(await readdir(this.folder)), ...(await this.#processes())];
  }

  /** As `left`, but gives a helper that cleans up by itself some time to do so. */
  async leftAtLast(): Promise<readonly string[]> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(50)) {
      if ((await this.left()).length === 0) return [];
    }
    return await this.left();
  }

  /** Until a program has made something there. */
  async appears(): Promise<void> {
    await until(async () => (await readdir(this.folder)).length > 0, 5);
  }

  async forget(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #processes(): Promise<readonly string[]> {
    const ids = await readdir("/proc").catch((): string[] => []);
    const lines = await Promise.all(ids.filter((id) => /^\d+$/.test(id)).map(commandLine));
    return lines.filter((line) => line.includes(`${this.folder}/`));
  }
}

async function commandLine(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.replaceAll("\0", " ").trim();
}
