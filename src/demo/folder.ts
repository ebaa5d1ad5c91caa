import { accessSync, constants, lstatSync } from "node:fs";
import { chmod, chown, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Account } from "./account.ts";

/** A socket's path may have 103 bytes (macOS; 107 on Linux), and in the folder it takes `/.s.PGSQL.12345`. */
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

/** The folder and all above it. */
function lineage(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...lineage(parent)];
}
