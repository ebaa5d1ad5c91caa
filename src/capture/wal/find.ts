/** From the paths on the command line to files. */
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type TimelineParent, parseHistory } from "../../wal/segments.ts";
import { InputError } from "../input-error.ts";
import { readError } from "../source.ts";
import { type SegmentFile, inspectFile, segmentNameOf } from "./segment-file.ts";

export interface FoundFiles {
  readonly files: readonly SegmentFile[];
  readonly histories: ReadonlyMap<number, readonly TimelineParent[]>;
}

const HISTORY = /^([0-9A-F]{8})\.history$/;

/** Throws InputError. */
export async function findFiles(paths: readonly string[]): Promise<FoundFiles> {
  const files: SegmentFile[] = [];
  const folders = new Set<string>();
  for (const path of paths) {
    if (await isFolder(path)) {
      folders.add(path);
      files.push(...(await filesIn(path)));
    } else {
      folders.add(dirname(path));
      if (!HISTORY.test(basename(path))) files.push(await inspectFile(path, path));
    }
  }
  if (files.length === 0) throw new InputError(`no segment of WAL in ${paths.join(", ")}`);
  return { files, histories: await historiesIn(folders) };
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

async function filesIn(folder: string): Promise<readonly SegmentFile[]> {
  const names = await namesIn(folder);
  const files: SegmentFile[] = [];
  for (const name of names) {
    if (segmentNameOf(name) === undefined) continue;
    files.push(await inspectFile(join(folder, name), name));
  }
  return files;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    throw readError(folder, error);
  }
}

async function historiesIn(
  folders: Iterable<string>,
): Promise<Map<number, readonly TimelineParent[]>> {
  const histories = new Map<number, readonly TimelineParent[]>();
  for (const folder of folders) {
    for (const name of await namesIn(folder)) {
      const timeline = HISTORY.exec(name)?.[1];
      if (timeline === undefined) continue;
      const parents = parseHistory(await readFile(join(folder, name), "utf8"));
      if (parents === undefined) throw new InputError(`${name}: not a timeline's history`);
      histories.set(Number.parseInt(timeline, 16), parents);
    }
  }
  return histories;
}
