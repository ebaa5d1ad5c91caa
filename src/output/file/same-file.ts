import { fstatSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { usageError } from "../../errors.ts";

/** The kernel's limit for symbolic links. */
const LINKS_MAX = 40;
const DESCRIPTOR =
  /^\/(?:dev\/(?:std(?:in|out|err)|fd\/\d+)|proc\/[^/]+\/(?:task\/\d+\/)?fd\/\d+)$/;

/** A file of the command line: its name in messages, and its path or open descriptor. */
export type NamedFile = readonly [name: string, file: string | number];

/**
 * Refuses two names for one file or FIFO, where output for one purpose would destroy the other's. It resolves links and
 * spellings, and works for files that do not exist yet.
 * @throws WalctlError, a usage error
 */
export function requireDifferentFiles(files: readonly NamedFile[]): void {
  const names = new Map<string, string>();
  for (const [name, file] of files) {
    const identity = identityOf(file);
    if (identity === undefined) continue;
    const other = names.get(identity);
    if (other !== undefined) {
      throw usageError(`${other} and ${name} are the same file`, "Give each a file of its own.");
    }
    names.set(identity, name);
  }
}

/** Whether it names an open descriptor, as /dev/stdout does: a file beside it would be in /dev or /proc. */
export function isDescriptorName(path: string): boolean {
  return linksOf(path).some((each) => DESCRIPTOR.test(each));
}

/** Undefined for a device or socket, which two outputs may share, or if the path cannot be examined. */
function identityOf(file: string | number): string | undefined {
  try {
    const stats =
      typeof file === "number"
        ? fstatSync(file, { bigint: true })
        : statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return linksOf(String(file)).at(-1);
    return stats.isFile() || stats.isFIFO() ? `${stats.dev}:${stats.ino}` : undefined;
  } catch {
    // Opening the file will report why.
    return undefined;
  }
}

/**
 * What a file is recognised by when it has been renamed: its inode, and when it was created, since the inode of a
 * deleted file is used again. Undefined if there is no such file, or if its file system does not say when.
 */
export function lastingIdentity(file: string | number): string | undefined {
  const stats =
    typeof file === "number"
      ? fstatSync(file, { bigint: true })
      : lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.birthtimeNs === 0n) return undefined;
  return `${stats.ino}-${stats.birthtimeNs}`;
}

/** The file of that identity in the folder of `path`, or of what its links lead to. */
export function findRenamed(path: string, identity: string): string | undefined {
  for (const folder of new Set(linksOf(path).map((each) => dirname(each)))) {
    const found = namesIn(folder).find((each) => lastingIdentity(each) === identity);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Empty if they may not be read. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The path and the targets of its links, up to one that is not a link or does not exist. */
function linksOf(path: string): readonly string[] {
  const links: string[] = [];
  let next = path;
  try {
    while (links.length < LINKS_MAX) {
      const real = join(realpathSync(dirname(resolve(next))), basename(resolve(next)));
      links.push(real);
      next = resolve(dirname(real), readlinkSync(real));
    }
  } catch {
    // Not a link.
  }
  return links;
}
