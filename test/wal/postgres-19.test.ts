/** A segment that a server of PostgreSQL 19 wrote, beside the listing of its own pg_waldump. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { parseControlFile } from "../../src/capture/data-dir/control-file.ts";
import { walctl } from "../support/program/cli.ts";
import { walctlInside } from "../support/program/inside.ts";
import { parseLines } from "../support/program/lines.ts";
import { toolPath } from "../support/tools/tools.ts";

const FOLDER = fileURLToPath(new URL("../../../fixtures/postgres-19", import.meta.url));
const SEGMENT = join(FOLDER, "000000010000000000000008.zst");
const LISTED =
  /^rmgr: (\S+) +len \(rec\/tot\): +(\d+)\/ +(\d+), tx: +(\d+), lsn: (\S+), prev (\S+), desc: (\S+) ?(.*)$/;

interface Printed {
  readonly rmgr: string;
  readonly type: string;
  readonly length: number;
  readonly total_length: number;
  readonly xid: number;
  readonly lsn: string;
  readonly prev_lsn: string;
  readonly blocks: ReadonlyArray<Readonly<Record<string, number | string>>>;
  readonly detail?: Readonly<Record<string, unknown>>;
}

function unpacked(name: string): Buffer {
  return execFileSync(toolPath("zstd"), ["-dc", join(FOLDER, name)], { maxBuffer: 1 << 26 });
}

/** pg_waldump 19 pads the low half. */
function unpadded(lsn: string): string {
  return lsn.replace(/\/0{0,7}/, "/");
}

/** What the text behind a record's type says of its fields. */
function fieldsOf(type: string, text: string): Readonly<Record<string, unknown>> {
  const number = (name: string): number => Number(new RegExp(`${name}:? (\\d+)`).exec(text)?.[1]);
  const word = (name: string): string => new RegExp(`${name} ([^;]+)`).exec(text)?.[1] ?? "";
  if (type === "LOGICAL_DECODING_STATUS_CHANGE") return { logical_decoding: text === "true" };
  if (type === "CHECKPOINT_REDO")
    return { wal_level: word("wal_level"), checksums: word("checksums") };
  if (type.startsWith("CHECKPOINT_"))
    return {
      redo: unpadded(word("redo")),
      full_page_writes: word("fpw") === "true",
      wal_level: word("wal_level"),
      logical_decoding: word("logical decoding") === "true",
      next_xid: word("xid"),
      next_oid: number("oid"),
      oldest_running_xid: number("oldest running xid"),
      checksums: word("checksums"),
    };
  if (type.startsWith("PRUNE_"))
    return {
      redirected: number("nredirected"),
      dead: number("ndead"),
      unused: number("nunused"),
    };
  return {};
}

describe("a segment of PostgreSQL 19", () => {
  it("is listed as its pg_waldump lists it, record for record", async () => {
    const { stdout, status } = await walctl(["inspect", SEGMENT, "-F", "ndjson"]);
    assert.equal(status, 0);
    const printed = parseLines(stdout) as unknown as readonly Printed[];
    const listed = unpacked("pg_waldump.txt.zst").toString().trimEnd().split("\n");
    // The last one ends in the next segment.
    assert.equal(printed.length, listed.length - 1);
    let compared = 0;
    for (const [index, line] of listed.slice(0, -1).entries()) {
      const [, rmgr, length, total, xid, lsn = "", prev = "", type = "", text = ""] =
        LISTED.exec(line) ?? [];
      const record = printed[index];
      assert.ok(record !== undefined);
      assert.deepEqual(
        {
          rmgr: record.rmgr,
          type: record.type,
          length: record.length,
          total: record.total_length,
          xid: record.xid,
          lsn: record.lsn,
          prev: record.prev_lsn,
          blocks: record.blocks.map(
            ({ id, tablespace, database, relfilenode, fork, block, image_bytes: image }) =>
              `#${id}: rel ${tablespace}/${database}/${relfilenode}${fork === "main" ? "" : ` fork ${fork}`} blk ${block}${Number(image) > 0 ? " FPW" : ""}`,
          ),
        },
        {
          rmgr,
          type,
          length: Number(length),
          total: Number(total),
          xid: Number(xid),
          lsn: unpadded(lsn),
          prev: unpadded(prev),
          blocks: Array.from(
            text.matchAll(/blkref (#\d+: rel [\d/]+(?: fork \w+)? blk \d+(?: FPW)?)/g),
            ([, block]) => block,
          ),
        },
      );
      // What an image replaces is not in the record.
      if (type.startsWith("PRUNE_") && text.includes("FPW")) continue;
      for (const [field, value] of Object.entries(fieldsOf(type, text))) {
        assert.equal(record.detail?.[field] ?? 0, value, `${line}: ${field}`);
        compared++;
      }
    }
    assert.ok(compared > 50, `${compared} fields`);
  });

  it("has the time of its checkpoints where --since looks for it", async () => {
    const args = ["inspect", SEGMENT, "-F", "ndjson", "--type", "CHECKPOINT_ONLINE"];
    const [checkpoint] = parseLines((await walctl(args)).stdout);
    const { time } = (checkpoint as unknown as { detail: { time: string } }).detail;
    assert.match(time, /^2026-/);
    const later = await walctl([...args, "--since", "2027-01-01"]);
    assert.deepEqual([later.status, later.stdout], [0, ""]);
  });

  it("with the page magic of a later version is refused by that", async () => {
    const bytes = unpacked("000000010000000000000008.zst");
    bytes.writeUInt16LE(0xd125, 0);
    const { stdout, stderr, status } = await walctlInside(["inspect", "-"], { stdin: [bytes] });
    assert.deepEqual([status, stdout], [3, ""]);
    assert.match(stderr, /segment of PostgreSQL with page magic D125: not known\n/);
    assert.match(stderr, /HINT: walctl reads PostgreSQL 14 to 19; /);
  });

  it("comes with a pg_control that is read", () => {
    const { version, nextXid, blocksPerFile, checksums } = parseControlFile(
      unpacked("pg_control.zst"),
      "pg_control",
    );
    assert.deepEqual([version, blocksPerFile, checksums], [19, 131_072, true]);
    assert.ok(nextXid > 700n);
  });
});
