/**
 * Rows of WAL that a server of PostgreSQL 19 wrote at wal_level=replica, beside what a trigger wrote of them. A logical slot came and
 * went, and REPACK (CONCURRENTLY) ran three times, each with a slot of its own: decoding was switched on and off all the time.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { crc32c } from "../../wal/support/log-encoder.ts";
import { toolPath } from "../../support/tools/tools.ts";

const FOLDER = fileURLToPath(new URL("../../../../fixtures/postgres-19", import.meta.url));
const WAL = join(FOLDER, "rows");
const PAGE_BYTES = 8192;
/** Of a record (access/xlogrecord.h). */
const HEADER_BYTES = 24;
const INFO_AT = 16;
const CHECKSUM_AT = 20;
/** The next xid of the only checkpoint between, which is followed by images of the pages. */
const FIRST_BEHIND_CHECKPOINT = 2130;
/** What the trigger saw, and the lines do not have. */
const GENERATED = "g";

type Row = Readonly<Record<string, unknown>>;

interface Truth {
  readonly xid: number;
  readonly table: string;
  readonly op: string;
  readonly old: Row | null;
  readonly new: Row | null;
}

interface Change {
  readonly kind: string;
  readonly lsn: string;
  readonly xid: number;
  readonly table: string;
  readonly new?: Row;
  readonly old?: Row;
  readonly key?: Row;
  readonly unchanged?: readonly string[];
}

interface Noop {
  readonly lsn: string;
  readonly length: number;
}

function unpackedBytes(name: string): Buffer {
  const args = ["-dc", join(FOLDER, name)];
  return execFileSync(toolPath("zstd"), args, { maxBuffer: 1 << 26 });
}

function unpacked(name: string): string {
  return unpackedBytes(name).toString();
}

/** Makes a NOOP a LOGICAL_DECODING_STATUS_CHANGE to true. */
function switchOn(record: Buffer): void {
  record[INFO_AT] = 0xf0;
  record[HEADER_BYTES + (record[HEADER_BYTES] === 0xff ? 2 : 5)] = 1;
  const checksum = crc32c(record.subarray(HEADER_BYTES), record.subarray(0, CHECKSUM_AT));
  record.writeInt32LE(checksum, CHECKSUM_AT);
}

const truth = unpacked("truth.ndjson.zst")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Truth);

/** Rows by transaction and table, each in its order. */
function grouped<Each extends { readonly xid: number; readonly table: string }>(
  rows: readonly Each[],
): ReadonlyMap<string, readonly Each[]> {
  const groups = new Map<string, Each[]>();
  for (const row of rows) {
    const name = `${row.xid} ${row.table}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return groups;
}

/** The columns that are to be compared. */
function without(row: Row | null | undefined, names: readonly string[]): Row | undefined {
  if (row === null || row === undefined) return undefined;
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

describe("rows of PostgreSQL 19 at wal_level=replica", () => {
  let folder: string;
  let catalog: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "walctl-19-"));
    catalog = join(folder, "shop.catalog");
    writeFileSync(catalog, unpacked("shop.catalog.zst"));
  });
  after(() => rmSync(folder, { recursive: true }));

  async function decode(wal: string, ...options: readonly string[]) {
    const args = ["decode-file", "--catalog", catalog, ...options, wal];
    const { stdout, stderr, status } = await walctl(args);
    const lines = parseLines(stdout) as unknown as readonly Change[];
    const changes = lines.filter(({ kind }) => ["insert", "update", "delete"].includes(kind));
    return { stdout, stderr, status, changes };
  }

  /** Each row of the trigger's tables is there, in its order and with its values. */
  function compare(changes: readonly Change[], isLeftOut: (row: Truth) => boolean): void {
    const printed = grouped(changes.filter(({ table }) => ["t", "u", "w"].includes(table)));
    const expected = grouped(truth.filter((row) => !isLeftOut(row)));
    assert.deepEqual([...printed.keys()].toSorted(), [...expected.keys()].toSorted());
    for (const [name, rows] of expected) {
      const own = printed.get(name) ?? [];
      assert.deepEqual(
        own.map(({ kind }) => kind.toUpperCase()),
        rows.map(({ op }) => op),
        name,
      );
      for (const [index, row] of rows.entries()) {
        const change = own[index]!;
        const hidden = [GENERATED, ...(change.unchanged ?? [])];
        const place = `${name} at ${change.lsn}`;
        assert.deepEqual(without(change.new, hidden), without(row.new, hidden), place);
        if (change.old !== undefined)
          assert.deepEqual(without(change.old, hidden), without(row.old, hidden), place);
        for (const [column, value] of Object.entries(change.key ?? {}))
          assert.deepEqual(value, row.old?.[column], place);
      }
    }
  }

  it("are those that a trigger saw, and each record tells whether its old row is whole", async () => {
    const { changes, stderr, status } = await decode(WAL);
    compare(changes, () => false);
    // One value was stored before the WAL begins.
    assert.match(stderr, /1 change of 1 table printed without values .*public\.w: 1/);
    assert.doesNotMatch(stderr, /could not be rebuilt|not explained|without old rows/);
    assert.equal(status, 3);
    const records = parseLines(
      (await walctl(["inspect", "-F", "ndjson", "--rmgr", "Heap", WAL])).stdout,
    );
    const flagsAt = new Map(
      records.map((record) => {
        const { lsn, detail } = record as unknown as { lsn: string; detail: { flags?: string[] } };
        return [lsn, detail.flags ?? []];
      }),
    );
    const forms = { whole: 0, key: 0, none: 0 };
    for (const { key, kind, lsn, old } of changes) {
      if (kind === "insert") continue;
      const flags = flagsAt.get(lsn) ?? [];
      const form = old !== undefined ? "whole" : key !== undefined ? "key" : "none";
      const isLogged = flags.some((flag) => flag.startsWith("CONTAINS_"));
      const logged = flags.includes("CONTAINS_OLD_KEY") ? "key" : "none";
      assert.equal(form, isLogged ? logged : "whole", `${kind} at ${lsn}`);
      forms[form]++;
    }
    assert.ok(forms.whole > 500 && forms.key > 30 && forms.none > 40, JSON.stringify(forms));
  });

  it("have whole old rows with --old full, of what was logged for decoding too", async () => {
    const { changes, stderr } = await decode(WAL, "--old", "full");
    const isBefore = ({ xid }: { readonly xid: number }): boolean => xid < FIRST_BEHIND_CHECKPOINT;
    const known = changes.filter((change) => !isBefore(change));
    compare(known, isBefore);
    for (const { kind, lsn, old } of known) {
      if (kind !== "insert") assert.ok(old !== undefined, `${kind} at ${lsn}`);
    }
    // Before it there are no images.
    const own = changes.filter(({ table }) => ["t", "u", "w"].includes(table));
    const lost = /(\d+) changes of \d+ tables? could not be rebuilt/.exec(stderr);
    assert.equal(own.length + Number(lost?.[1] ?? 0), truth.length);
  });

  it("have what was logged alone with --old logged", async () => {
    const { changes, stderr } = await decode(WAL, "--old", "logged");
    assert.ok(changes.every(({ old }) => old === undefined));
    const isDelete = ({ op }: Truth): boolean => op === "DELETE";
    const keyed = changes.filter(({ kind }) => kind === "delete");
    const left = /(\d+) deletes of \d+ tables without/.exec(stderr);
    assert.equal(keyed.length + Number(left?.[1]), truth.filter(isDelete).length);
    const rows = changes.filter(({ kind }) => kind !== "delete");
    compare(rows, isDelete);
  });

  it("do not have what REPACK copied", async () => {
    const { changes } = await decode(WAL, "--old", "full");
    assert.deepEqual(
      changes.filter(({ table }) => table.startsWith("pg_temp")),
      [],
    );
  });

  it("are the same where decoding is switched on while their transactions run", async () => {
    const wal = join(folder, "switched");
    mkdirSync(wal);
    for (const name of readdirSync(WAL)) copyFileSync(join(WAL, name), join(wal, name));
    const segment = "000000010000000000000016";
    const args = ["inspect", "-F", "ndjson", "--type", "NOOP", join(WAL, `${segment}.zst`)];
    const records = parseLines((await walctl(args)).stdout) as unknown as readonly Noop[];
    const bytes = unpackedBytes(`rows/${segment}.zst`);
    // Between any two rows of a transaction.
    for (const { lsn, length } of records) {
      const at = Number.parseInt(lsn.split("/")[1]!, 16) % bytes.length;
      if (length > PAGE_BYTES || (at % PAGE_BYTES) + length > PAGE_BYTES) continue;
      switchOn(bytes.subarray(at, at + length));
    }
    rmSync(join(wal, `${segment}.zst`));
    writeFileSync(join(wal, segment), bytes);
    const { changes } = await decode(wal);
    assert.deepEqual(changes, (await decode(WAL)).changes);
  });

  it("are the same for padded LSNs in options", async () => {
    const own = await decode(WAL, "-I", "0/1857D00", "-E", "0/1880000");
    const padded = await decode(WAL, "-I", "0/01857D00", "-E", "0/01880000");
    assert.ok(own.changes.length > 10 && own.changes.length < truth.length / 2);
    assert.equal(padded.stdout, own.stdout);
  });
});
