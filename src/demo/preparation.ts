/** Prepares what a server needs: a folder, binaries that its account can run, a data directory, a port. */
import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, lstatSync } from "node:fs";
import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  stat,
  symlink,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { WalctlError } from "../errors.ts";
import type { Account } from "./account.ts";
import { type PostgresBinaries, binariesIn, completeTree } from "./binaries.ts";

/** A socket's path can have 103 bytes (macOS; 107 on Linux), and the folder's path is followed by `/.s.PGSQL.12345`. */
const BASE_BYTES_MAX = 103 - "/walctl-XXXXXX/.s.PGSQL.12345".length;

/** A new temporary folder that only the account may read. */
export async function makeFolder(account: Account | undefined): Promise<string> {
  const wanted = tmpdir();
  const base =
    Buffer.byteLength(wanted) <= BASE_BYTES_MAX && mayEnter(wanted, account) ? wanted : "/tmp";
  const folder = await mkdtemp(join(base, "walctl-"));
  await chmod(folder, 0o700);
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Whether the account may enter the folder and all folders above it. */
function mayEnter(folder: string, account: Account | undefined): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return (
      account === undefined || lineage(folder).every((each) => (lstatSync(each).mode & 0o001) !== 0)
    );
  } catch {
    return false;
  }
}

/** The folder and all folders above it. */
function lineage(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...lineage(parent)];
}

/**
 * Returns binaries that the account can run. They are a copy if the originals are incomplete and cannot be completed,
 * or are below a folder that the account may not enter (root's home).
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

/** Files that a server does not need at run time. */
const LEFT_OUT = /\.a$|^pkgconfig$/;

/** Copies PostgreSQL's tree so that any user may read and run it, whatever the original's modes. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (LEFT_OUT.test(entry.name)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await copyReadable(source, target);
  }
}

/** Makes a hard link, which costs nothing, if the modes and the file systems allow it; otherwise a copy. */
async function copyReadable(source: string, target: string): Promise<void> {
  const { mode } = await stat(source);
  const forAll = (mode & 0o004) !== 0 && ((mode & 0o100) === 0 || (mode & 0o001) !== 0);
  if (forAll && (await linked(source, target))) return;
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o755);
}

async function linked(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch {
    return false;
  }
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
