import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { WalctlError } from "../errors.ts";
import type { Account } from "./account.ts";
import { type PostgresBinaries, binariesIn, completeTree } from "./binaries.ts";
import { copyTree } from "./tree-copy.ts";

/**
 * Binaries that the account can run: a copy, if the originals are incomplete and cannot be completed, or lie below a
 * folder that the account may not enter (root's home).
 */
export async function usableBinaries(
  binaries: PostgresBinaries,
  folder: string,
  account: Account | undefined,
): Promise<PostgresBinaries> {
  const { tree } = binaries;
  if (tree === undefined) return binaries;
  const whole = completeTree(tree);
  if (whole && (await runs(binaries, folder, account))) return binaries;
  const copy = join(folder, "postgresql");
  await copyTree(tree, copy);
  completeTree(copy);
  return binariesIn(copy);
}

/** The programs' environment, without the caller's PGPORT or PGDATA. */
export function spawnOptions(
  binaries: PostgresBinaries,
  folder: string,
  account?: Account,
): SpawnOptions {
  const env: NodeJS.ProcessEnv = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
  if (binaries.tree !== undefined) env["LD_LIBRARY_PATH"] = join(binaries.tree, "lib");
  // The account may not be able to enter the working directory.
  return { cwd: folder, env, ...account };
}

/** Creates the data directory in the folder. */
export async function initialise(
  program: string,
  folder: string,
  options: SpawnOptions,
  more: readonly string[] = [],
): Promise<string> {
  const data = join(folder, "data");
  const settings = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
  const args = [...settings, "--no-sync", "-D", data, ...more];
  const { ok, output } = await run(program, args, options);
  if (ok) return data;
  throw new WalctlError("could not set up a PostgreSQL server", { detail: lastLines(output) });
}

/** A port of 127.0.0.1 below the range of outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** The end of a program's output on one line, for DETAIL. */
export function lastLines(output: string): string {
  return output.trim().split("\n").slice(-4).join(" ");
}

async function runs(
  binaries: PostgresBinaries,
  folder: string,
  account: Account | undefined,
): Promise<boolean> {
  const options = spawnOptions(binaries, folder, account);
  const results = [binaries.initdb, binaries.postgres].map((path) =>
    run(path, ["--version"], options),
  );
  return (await Promise.all(results)).every(({ ok }) => ok);
}

async function run(
  path: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<{ readonly ok: boolean; readonly output: string }> {
  const child = spawn(path, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  const closed = new Promise<{ status: number | null; failure: string }>((resolve) => {
    child.once("error", (error) => resolve({ status: null, failure: error.message }));
    child.once("close", (status) => resolve({ status, failure: "" }));
  });
  const output = child.stderr === null ? "" : await text(child.stderr);
  const { status, failure } = await closed;
  return { ok: status === 0, output: output + failure };
}
