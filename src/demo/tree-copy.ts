import { constants } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";

/** What a server does not need at run time, a quarter of the tree. */
const LEFT_OUT = /\.a$|^pkgconfig$/;

/** Copies PostgreSQL's tree so that any user may read and run it, whatever the original's modes. */
export async function copyTree(from: string, to: string): Promise<void> {
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

async function copyReadable(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o755);
}
