/** What PostgreSQL's own programs say about WAL: pg_waldump, pg_walinspect. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { TestServer } from "../../support/server/server.ts";

/** Undefined: there is none of that version here. */
export function waldumpOf(version: number): string | undefined {
  const path = `/usr/lib/postgresql/${version}/bin/pg_waldump`;
  return existsSync(path) ? path : undefined;
}

const RECORD =
  /^rmgr: (\S+)\s+len \(rec\/tot\):\s+(\d+)\/\s*(\d+), tx:\s+(\d+), lsn: (\S+), prev (\S+), desc: (UNKNOWN \(\S+\)|\S+)(.*)$/;
const BLOCK =
  /blkref #(\d+): rel (\d+\/\d+\/\d+)(?: fork (\w+))? blk (\d+)(?: \(?(FPW(?: for WAL verification)?)\)?)?/g;

/** A record on one line, the same from every source: what must be equal. */
function canonical(parts: {
  readonly lsn: string;
  readonly prev: string;
  readonly xid: number | string;
  readonly rmgr: string;
  readonly type: string;
  readonly length: number;
  readonly totalLength: number;
  readonly blocks: string;
}): string {
  const { lsn, prev, xid, rmgr, type, length, totalLength, blocks } = parts;
  return `${lsn} prev ${prev} xid ${xid} ${rmgr} ${type} ${length}/${totalLength}${blocks}`;
}

function canonicalBlocks(text: string): string {
  return Array.from(text.matchAll(BLOCK), ([, id, locator, fork, block, image]) => {
    const mark = image === undefined ? "" : image === "FPW" ? " image" : " image not applied";
    return ` #${id} ${locator} ${fork ?? "main"} ${block}${mark}`;
  }).join("");
}

/** pg_waldump pads the lower half. */
function unpadded(lsn: string): string {
  return lsn.replace("/0", "/").replace(/\/0+(?=.)/, "/");
}

/** Of the files from `start` on, to where it finds no more. */
export async function waldumpRecords(
  version: number,
  folder: string,
  start: string,
): Promise<readonly string[]> {
  const program = waldumpOf(version);
  if (program === undefined) throw new Error(`no pg_waldump ${version}`);
  const stdout = await outputOf(program, ["-p", folder, "-s", start]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const match = RECORD.exec(line);
      if (match === null) throw new Error(`not pg_waldump's line: ${line}`);
      const [, rmgr = "", length, total, xid = "", lsn = "", prev = "", type = "", rest = ""] =
        match;
      return canonical({
        rmgr,
        xid,
        lsn: unpadded(lsn),
        prev: unpadded(prev),
        type,
        length: Number(length),
        totalLength: Number(total),
        blocks: canonicalBlocks(rest),
      });
    });
}

/** It ends with an error where the log ends, and prints what there was before. */
async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const options = { maxBuffer: 1 << 30 };
  try {
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

interface InspectRow {
  readonly line: string;
  readonly end: string;
  readonly description: string;
}

/** From `start` to what is written now; by the extension, which the server has from 15 on. */
export async function walinspectRecords(
  server: TestServer,
  start: string,
): Promise<readonly InspectRow[]> {
  await server.sql("CREATE EXTENSION IF NOT EXISTS pg_walinspect");
  const call =
    server.version === 15
      ? `pg_get_wal_records_info_till_end_of_wal('${start}')`
      : `pg_get_wal_records_info('${start}', 'FFFFFFFF/FFFFFFFF')`;
  const rows = await server.sql<Record<string, string | null>>(
    `SELECT *, start_lsn::text AS lsn, prev_lsn::text AS prev, end_lsn::text AS end FROM ${call}`,
  );
  return rows.map((row) => {
    const totalLength = Number(row["record_length"]);
    const line = canonical({
      lsn: row["lsn"] ?? "",
      prev: row["prev"] ?? "",
      xid: row["xid"] ?? "",
      rmgr: row["resource_manager"] ?? "",
      type: row["record_type"] ?? "",
      length: totalLength - Number(row["fpi_length"]),
      totalLength,
      blocks: canonicalBlocks(row["block_ref"] ?? ""),
    });
    return { line, end: row["end"] ?? "", description: row["description"] ?? "" };
  });
}

/** `rmgr type: count recordBytes imageBytes`, sorted. */
export async function walinspectStats(
  server: TestServer,
  start: string,
  end: string,
): Promise<readonly string[]> {
  const rows = await server.sql<Record<string, string>>(
    `SELECT * FROM pg_get_wal_stats('${start}', '${end}', true) WHERE count > 0`,
  );
  return rows
    .map((row) => {
      const name = (row["resource_manager/record_type"] ?? "").replace("/", " ");
      return `${name}: ${row["count"]} ${row["record_size"]} ${row["fpi_size"]}`;
    })
    .toSorted();
}

export interface RecordLine {
  readonly lsn: string;
  readonly end_lsn: string;
  readonly prev_lsn: string;
  readonly xid: number;
  readonly rmgr: string;
  readonly type: string;
  readonly length: number;
  readonly total_length: number;
  readonly blocks: ReadonlyArray<{
    readonly id: number;
    readonly tablespace: number;
    readonly database: number;
    readonly relfilenode: number;
    readonly fork: string;
    readonly block: number;
    readonly image_bytes: number;
    readonly image_applied?: false;
  }>;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What walctl printed, in the same words. */
export function ownRecord(record: RecordLine): string {
  const blocks = record.blocks.map((block) => {
    const { id, tablespace, database, relfilenode, fork } = block;
    const image = block.image_applied === false ? " image not applied" : " image";
    const mark = block.image_bytes > 0 ? image : "";
    return ` #${id} ${tablespace}/${database}/${relfilenode} ${fork} ${block.block}${mark}`;
  });
  return canonical({
    lsn: record.lsn,
    prev: record.prev_lsn,
    xid: record.xid,
    rmgr: record.rmgr,
    type: record.type,
    length: record.length,
    totalLength: record.total_length,
    blocks: blocks.join(""),
  });
}
