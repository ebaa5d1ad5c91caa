/** The files of a data directory that say what the others are, as tables of bytes. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, test } from "node:test";
import { parseControlFile, parseFilenodeMap } from "../../src/capture/data-dir/control-file.ts";
import { configuredSetting } from "../../src/capture/data-dir/settings.ts";
import { TransactionStatus } from "../../src/capture/data-dir/transactions.ts";
import { WalctlError } from "../../src/errors.ts";
import type { PageTuple } from "../../src/postgres/tuples/heap-page.ts";
import { walctl } from "../support/program/cli.ts";
import { checksumAfter } from "../../src/postgres/pages/crc32c.ts";

type Change = (view: DataView) => void;

function sealed(bytes: Uint8Array, at: number): Uint8Array {
  const view = new DataView(bytes.buffer);
  view.setInt32(at, ~checksumAfter(-1, bytes, 0, at), true);
  return bytes;
}

/** pg_control of a server that was shut down. */
function control(
  catalogVersion: number,
  checksumAt: number,
  change: Change = () => {},
): Uint8Array {
  const bytes = new Uint8Array(8192);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 7711920189341990478n, true);
  view.setUint32(8, 1700, true);
  view.setUint32(12, catalogVersion, true);
  view.setUint32(16, 1, true);
  view.setBigInt64(24, 1_764_000_000n, true);
  view.setBigUint64(32, 0x2_0000_0028n, true);
  view.setUint32(48, 3, true);
  view.setBigUint64(64, (1n << 32n) | 770n, true);
  view.setUint32(204, 8, true);
  view.setUint32(216, 8192, true);
  view.setUint32(220, 131_072, true);
  change(view);
  return sealed(bytes, checksumAt);
}

const CATALOG_VERSIONS = [
  [14, 202107181, 288],
  [15, 202209061, 288],
  [16, 202307071, 288],
  [17, 202406281, 288],
  [18, 202506291, 292],
] as const;

describe("pg_control", () => {
  for (const [version, catalogVersion, checksumAt] of CATALOG_VERSIONS) {
    it(`of PostgreSQL ${version} is read`, () => {
      assert.deepEqual(parseControlFile(control(catalogVersion, checksumAt), "c"), {
        version,
        catalogVersion,
        checkpoint: 0x2_0000_0028,
        timeline: 3,
        systemIdentifier: 7711920189341990478n,
        nextXid: (1n << 32n) | 770n,
        time: 1_764_000_000,
        blocksPerFile: 131_072,
        checksums: false,
      });
    });
  }

  const good = (change?: Change): Uint8Array => control(202506291, 292, change);
  const state = (value: number): Uint8Array => good((view) => view.setUint32(16, value, true));
  const flipped = good();
  flipped[100] = 1;
  const BAD: ReadonlyArray<readonly [bytes: Uint8Array, status: number, message: RegExp]> = [
    [new Uint8Array(0), 1, /"c" is damaged: it is too short/],
    [flipped, 1, /"c" is damaged: its checksum does not match/],
    [new Uint8Array(8192), 2, /of another PostgreSQL than 14 to 19 \(catalogue version 0\)/],
    [control(202507231, 292), 2, /another PostgreSQL than 14 to 19 \(catalogue version 202507231/],
    [good((view) => view.setUint32(8, 1800, false)), 2, /written on a big-endian machine/],
    [good((view) => view.setUint32(216, 4096, true)), 2, /has blocks of 4096 bytes/],
    [
      good((view) => view.setBigUint64(32, 1n << 60n, true)),
      2,
      /has its checkpoint at 10000000\/0, above FFFFFF/,
    ],
    [good((view) => view.setBigInt64(24, 1n << 62n, true)), 1, /its time cannot be/],
    [state(0), 2, /was not shut down: "c" says "starting up"/],
    [state(2), 2, /was not shut down: "c" says "shut down in recovery"/],
    [state(4), 2, /says "in crash recovery"/],
    [state(6), 2, /says "in production"/],
    [state(99), 2, /says "99"/],
  ];
  for (const [bytes, status, message] of BAD) {
    it(`is refused: ${message.source}`, () => {
      assert.throws(
        () => parseControlFile(bytes, "c"),
        (error) => {
          assert.ok(error instanceof WalctlError);
          assert.match(error.message, message);
          assert.notEqual(error.hint, undefined);
          return error.exitCode === status;
        },
      );
    });
  }
});

describe("pg_filenode.map", () => {
  function map(size: 512 | 524, pairs: ReadonlyArray<readonly [number, number]>): Uint8Array {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x592717, true);
    view.setUint32(4, pairs.length, true);
    for (const [place, [oid, filenode]] of pairs.entries()) {
      view.setUint32(8 + 8 * place, oid, true);
      view.setUint32(12 + 8 * place, filenode, true);
    }
    return sealed(bytes, size === 512 ? 504 : 520);
  }
  const PAIRS = [[1259, 16_400] as const, [1249, 4_294_967_295] as const];

  it("is read, of 14 and 15 and of later ones", () => {
    for (const size of [512, 524] as const) {
      assert.deepEqual([...parseFilenodeMap(map(size, PAIRS), "m")], PAIRS);
    }
  });

  it("is refused where it is damaged", () => {
    const bad = map(524, PAIRS);
    bad[12] = 7;
    const many = map(524, PAIRS);
    new DataView(many.buffer).setInt32(4, 65, true);
    const other = map(524, PAIRS);
    other[0] = 0;
    for (const [bytes, message] of [
      [bad, /its checksum does not match/],
      [many, /it is no relation map/],
      [other, /it is no relation map/],
      [map(524, PAIRS).subarray(0, 100), /it is too short/],
    ] as const) {
      assert.throws(() => parseFilenodeMap(bytes, "m"), message);
    }
  });
});

test("a row is there as pg_xact and its hint bits say", () => {
  // 0 running, 1 committed, 2 aborted, 3 a subtransaction of one that was never finished.
  const running = 1000;
  const committed = 1001;
  const aborted = 1002;
  const sub = 1003;
  const file = new Uint8Array(256 * 1024);
  file[running >> 2] = 0b11_10_01_00;
  const status = new TransactionStatus((number) => (number === 0 ? file : undefined));
  const old = 5 * 1024 * 1024;
  const CASES: ReadonlyArray<
    readonly [boolean | undefined, xmin: number, xmax: number, mask: number]
  > = [
    [true, committed, 0, 0],
    [false, running, 0, 0],
    [false, aborted, 0, 0],
    [false, sub, 0, 0],
    [true, 1, 0, 0],
    [true, 2, 0, 0],
    [true, old, 0, 0],
    // Hint bits count where they are set.
    [true, running, 0, 0x100],
    [true, running, 0, 0x300],
    [false, committed, 0, 0x200],
    // Deleted, by a transaction that came to that end.
    [false, committed, committed, 0],
    [true, committed, running, 0],
    [true, committed, aborted, 0],
    [false, committed, running, 0x400],
    [true, committed, committed, 0x800],
    // Only locked, in the form of today and of before 9.3.
    [true, committed, committed, 0x80],
    [true, committed, committed, 0x1080],
    [true, committed, committed, 0x40],
    // A multixact that may have deleted it.
    [undefined, committed, committed, 0x1000],
    [undefined, committed, committed, 0x1040],
  ];
  for (const [expected, xmin, xmax, infomask] of CASES) {
    const tuple = { xmin, xmax, infomask } as PageTuple;
    assert.equal(status.visible(tuple), expected, `${xmin} ${xmax} ${infomask.toString(16)}`);
  }
});

test("a setting is found in the configuration, the last one counts", () => {
  const folder = mkdtempSync(join(tmpdir(), "walctl-conf-"));
  try {
    assert.equal(configuredSetting(folder, "lc_monetary"), undefined);
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    write(
      "postgresql.conf",
      "# lc_monetary = 'x'\nlc_monetary = 'C' # first\nLC_Monetary 'a''b\\'c'\n",
    );
    assert.equal(configuredSetting(folder, "lc_monetary"), "a'b'c");
    mkdirSync(join(folder, "conf.d"));
    write("conf.d/2.conf", "lc_monetary=de_DE.UTF-8\n");
    write("conf.d/1.conf", "lc_monetary=C\n");
    write("conf.d/3.txt", "lc_monetary=x\n");
    write(
      "postgresql.conf",
      "include = 'postgresql.conf'\nlc_monetary = C\ninclude_dir 'conf.d'\n",
    );
    assert.equal(configuredSetting(folder, "lc_monetary"), "de_DE.UTF-8");
    write("postgresql.auto.conf", "lc_monetary = 'POSIX'\n");
    assert.equal(configuredSetting(folder, "lc_monetary"), "POSIX");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is no regular file is not read: it may have no end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "walctl-device-"));
  try {
    symlinkSync("/dev/zero", join(folder, "postgresql.auto.conf"));
    assert.equal(configuredSetting(folder, "lc_monetary"), undefined);
    mkdirSync(join(folder, "global"));
    symlinkSync("/dev/zero", join(folder, "global", "pg_control"));
    const { status, stderr } = await walctl(["catalog", "--data-dir", folder, "-d", "shop"]);
    assert.match(stderr, /^walctl: error: ".*pg_control" is no regular file\n$/);
    assert.equal(status, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
