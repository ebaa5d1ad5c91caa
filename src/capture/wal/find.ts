/** Finds the files for the paths of the command line. */
import { lstat, readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type TimelineParent, parseHistory } from "../../postgres/pages/segments.ts";
import { InputError } from "../formats/input-error.ts";
import { isGone, readError } from "../source.ts";
import { longestCopies } from "./copies.ts";
import { type SegmentFile, inspectFile, segmentNameOf } from "./segment-file.ts";

export interface FoundFiles {
  readonly files: readonly SegmentFile[];
  readonly histories: Histories;
}

/** The histories by timeline; undefined if the file is not a valid history. */
export type Histories = ReadonlyMap<number, readonly TimelineParent[] | undefined>;

const HISTORY = /^([0-9A-F]{8})\.history$/;

/** Throws InputError, and WalctlError where two files contradict each other. */
export async function findFiles(paths: readonly string[]): Promise<FoundFiles> {
  const files: SegmentFile[] = [];
  const folders = new Set<string>();
  for (const path of paths) {
    if (await isFolder(path)) {
      const folder = await walFolder(path);
      folders.add(folder);
      files.push(...(await filesIn(folder)));
    } else {
      folders.add(dirname(path));
      if (!HISTORY.test(basename(path))) files.push(await inspectFile(path, path));
    }
  }
  if (files.length === 0) {
    throw new InputError(`no segment of WAL in ${paths.join(", ")}`, {
      hint: "Of a directory, files with a segment's name are read (and .gz, .zst, .lz4, .partial), not those below it. Files with other names: give them by name.",
    });
  }
  return { files: await longestCopies(files), histories: await historiesIn(folders) };
}

/** Of a data directory its pg_wal. */
export async function walFolder(path: string): Promise<string> {
  const names = await namesIn(path);
  const isDataDirectory = names.includes("pg_wal") && names.includes("PG_VERSION");
  return isDataDirectory ? join(path, "pg_wal") : path;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory() || stats.isFile()) return stats.isDirectory();
  } catch (error) {
    throw readError(path, error);
  }
  throw new InputError(`could not read "${path}": it is no file`, {
    hint: `Give it as standard input: walctl inspect - < ${path}`,
  });
}

/** False for a FIFO, on which a read would wait, and for a file that a server has removed meanwhile. */
async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const fault = readError(path, error);
    if (!isGone(fault) || (await lstat(path).catch(() => undefined)) !== undefined) throw fault;
    return false;
  }
}

async function filesIn(folder: string): Promise<readonly SegmentFile[]> {
  const names = await namesIn(folder);
  const files: SegmentFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if (segmentNameOf(name) === undefined || !(await isFile(path))) continue;
    try {
      files.push(await inspectFile(path, name));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return files;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw readError(path, error);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    throw readError(folder, error);
  }
}

async function historiesIn(folders: Iterable<string>): Promise<Histories> {
  const histories = new Map<number, readonly TimelineParent[] | undefined>();
  for (const folder of folders) {
    // The folder of a file named on the command line need not be readable.
    for (const name of await namesIn(folder).catch(() => [])) {
      const timeline = HISTORY.exec(name)?.[1];
      if (timeline === undefined) continue;
      const path = join(folder, name);
      if (!(await isFile(path))) continue;
      const parents = parseHistory(await readText(path));
      histories.set(Number.parseInt(timeline, 16), parents);
    }
  }
  return histories;
}
