/** NDJSON as tests see it. */

export interface Line {
  readonly kind: string;
  readonly lsn: string | null;
  readonly xid: number | null;
  readonly commit_lsn?: string;
  readonly end_lsn?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly new?: Readonly<Record<string, unknown>>;
  readonly old?: Readonly<Record<string, unknown>>;
  readonly key?: Readonly<Record<string, unknown>>;
  readonly unchanged?: readonly string[];
  readonly [key: string]: unknown;
}

/** Every line must be whole JSON. */
export function parseLines(lines: string | readonly string[]): Line[] {
  const list = typeof lines === "string" ? lines.split("\n").filter((line) => line !== "") : lines;
  return list.map((line) => JSON.parse(line) as Line);
}

/** The ids of the inserted rows, in order. */
export function insertedIds(lines: readonly Line[]): number[] {
  return lines.filter((line) => line.kind === "insert").map((line) => Number(line.new?.["id"]));
}

/** The ids of the rows of transactions that were printed whole. */
export function committedIds(lines: readonly Line[]): number[] {
  const committed: number[] = [];
  let open: number[] = [];
  for (const line of lines) {
    if (line.kind === "begin") open = [];
    else if (line.kind === "insert") open.push(Number(line.new?.["id"]));
    else if (line.kind === "commit") committed.push(...open);
  }
  return committed;
}
