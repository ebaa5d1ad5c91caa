import { fstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { usageError } from "../../errors.ts";

/** The kernel's limit. */
const LINKS_MAX = 40;
const DESCRIPTOR =
  /^\/(?:dev\/(?:std(?:in|out|err)|fd\/\d+)|proc\/[^/]+\/(?:task\/\d+\/)?fd\/\d+)$/;

/** A file of the command line: what a message calls it, and its path or open descriptor. */
export type NamedFile = readonly [name: string, file: string | number];

/**
 * Refuses two names of one file or FIFO, where what is written for one purpose would destroy what is there for the
 * other. Links and spellings make no difference, nor does it matter whether the file exists yet.
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

/** Whether it names an open descriptor, as /dev/stdout does: a file beside it would lie in /dev or /proc. */
export function isDescriptorName(path: string): boolean {
  return linksOf(path).some((each) => DESCRIPTOR.test(each));
}

/** Undefined: a device or socket, which two may share, or what cannot be looked at. */
function identityOf(file: string | number): string | undefined {
  try {
    const stats =
      typeof file === "number"
        ? fstatSync(file, { bigint: true })
        : statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return linksOf(String(file)).at(-1);
    return stats.isFile() || stats.isFIFO() ? `${stats.dev}:${stats.ino}` : undefined;
  } catch {
    // Whoever opens it says why.
    return undefined;
  }
}

/** The path and what its links lead to, up to what is no link or does not exist. */
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
    // No link.
  }
  return links;
}
