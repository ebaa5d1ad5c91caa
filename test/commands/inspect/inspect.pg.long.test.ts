/** walctl inspect on the files of a real server: every way to give it WAL, and what it refuses. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { walctl } from "../../support/program/cli.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { toolPath } from "../../support/tools/tools.ts";
import { type Archive, MB, inspect, linesOf, makeArchive } from "./archive.ts";

describe("walctl inspect", () => {
  let root: Archive["root"];
  let archive: Archive["archive"];
  let names: Archive["names"];
  let all: Archive["all"];
  let records: Archive["records"];

  before(async () => {
    ({ root, archive, names, all, records } = await makeArchive());
  });
  after(() => rmSync(root, { recursive: true }));

  const segment = (index: number): string => join(archive, names.at(index) ?? "");
  it("reads a directory to the log's end, and says where that is", () => {
    assert.equal(all.status, 0);
    assert.ok(names.length >= 6 && records.length > 10_000);
    const last = records.at(-1);
    assert.equal(last?.type, "CHECKPOINT_SHUTDOWN");
    assert.equal(all.stderr, `walctl: the WAL ends at ${last.end_lsn}\n`);
  });

  it("prints lines that fit the schema", () => new LineSchema().assertAll(all.stdout, "records"));

  it("prints the same of files, compressed files and standard input", async () => {
    const paths = names.map((name) => join(archive, name));
    const whole = Buffer.concat(paths.map((path) => readFileSync(path)));
    const packed = join(root, "packed");
    mkdirSync(packed);
    for (const [index, name] of names.entries()) {
      const path = join(archive, name);
      const target = join(packed, name);
      if (index % 4 === 0) writeFileSync(`${target}.gz`, gzipSync(readFileSync(path)));
      else if (index % 4 === 1) execFileSync(toolPath("zstd"), ["-q", path, "-o", `${target}.zst`]);
      else if (index % 4 === 2) execFileSync(toolPath("lz4"), ["-q", path, `${target}.lz4`]);
      else copyFileSync(path, target);
    }
    // Read once each: the uncompressed before the compressed, the whole before the partial.
    writeFileSync(join(packed, `${names[3]}.gz`), "no gzip at all");
    writeFileSync(join(packed, `${names[3]}.partial`), whole.subarray(0, 8192));
    const ways = {
      files: await inspect(...paths.toReversed()),
      compressed: await inspect(packed),
      "standard input": await walctl(["inspect", "-"], { stdin: whole }),
      "compressed standard input": await walctl(["inspect", "-"], { stdin: gzipSync(whole) }),
    };
    for (const [way, { status, stdout, stderr }] of Object.entries(ways)) {
      assert.equal(status, 0, `${way}: ${stderr}`);
      assert.ok(stdout === all.stdout, way);
    }
  });

  it("finds pg_wal in a data directory, and takes --stats table without an equals sign", async () => {
    const data = join(root, "data");
    mkdirSync(data);
    writeFileSync(join(data, "PG_VERSION"), "18\n");
    symlinkSync(archive, join(data, "pg_wal"));
    assert.equal((await inspect(data)).stdout, all.stdout);
    const stats = await inspect("--stats=table", archive);
    assert.match(stats.stdout, /"table":/);
    assert.equal((await inspect("--stats", "table", data)).stdout, stats.stdout);
    assert.match((await inspect("--stats", archive)).stdout, /"type":/);
  });

  it("names a segment that standard input lacks as its file would be named", async () => {
    const there = [segment(2), segment(4)].map((path) => readFileSync(path));
    const { status, stderr } = await walctl(["inspect", "-q", "-"], {
      stdin: Buffer.concat(there),
    });
    assert.equal(status, 3);
    const missing = basename(segment(3));
    assert.match(stderr, new RegExp(`error: .*segment ${missing} is missing$`, "m"));
  });

  it("reads a single segment under any name, from its first whole record to its last", async () => {
    const other = join(root, "some name");
    copyFileSync(segment(2), other);
    const result = await inspect(other);
    assert.equal(result.status, 0);
    const first = Number.parseInt(names[2]?.slice(16) ?? "", 16);
    const own = records.filter(({ lsn }) => {
      return Math.floor(Number.parseInt(lsn.slice(2), 16) / MB) === first;
    });
    const lines = linesOf(result);
    assert.ok(lines.length >= own.length - 1);
    assert.deepEqual(
      lines.map(({ lsn }) => lsn),
      own.slice(0, lines.length).map(({ lsn }) => lsn),
    );
  });

  describe("where a part of the log is given", () => {
    const segmentOf = (lsn: string): number =>
      names.findIndex((name) => name.endsWith(hex(Math.floor(at(lsn) / MB))));
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, "0");
    const at = (lsn: string): number => Number.parseInt(lsn.slice(2), 16);
    const goesOn = (what: string, index: number): string =>
      `walctl: warning: ${what} goes on in ${names[index]}, which is not in the input\n`;

    it("says that a record goes on in the next segment, and where several, from the first", async () => {
      const long = records.find(({ detail }) => detail?.["prefix"] === "long");
      assert.ok(long !== undefined);
      const [first, last] = [segmentOf(long.lsn), segmentOf(long.end_lsn)];
      assert.ok(last >= first + 2);
      const begun = await inspect("-q", segment(first));
      assert.equal(begun.status, 0);
      assert.equal(begun.stderr, goesOn(`the record at ${long.lsn}`, first + 1));
      const lines = linesOf(begun);
      assert.equal(lines.at(-1)?.end_lsn, long.lsn);
      const more = await walctl(["inspect", "--stats", "-"], {
        stdin: Buffer.concat([readFileSync(segment(first)), readFileSync(segment(first + 1))]),
      });
      assert.equal(more.status, 0);
      assert.equal(more.stderr, goesOn(`the record at ${long.lsn}`, first + 2));
      const middle = await inspect(segment(first + 1));
      assert.deepEqual([middle.status, middle.stdout], [0, ""]);
      assert.equal(middle.stderr, goesOn("no record begins in the input: one", first + 2));
      // The record itself is not among them: it began before.
      const rest = linesOf(await inspect(...names.slice(last).map((name) => join(archive, name))));
      assert.equal(rest[0]?.prev_lsn, long.lsn);
    });

    it("says where pages from before the file was recycled follow the end", async () => {
      const end = at(records.at(-1)?.end_lsn ?? "");
      const page = Math.ceil((end % MB) / 8192) * 8192;
      const bytes = readFileSync(segment(segmentOf(records.at(-1)?.lsn ?? "")));
      readFileSync(segment(1)).copy(bytes, page, page);
      const folder = join(root, "recycled");
      mkdirSync(folder);
      const name = names[segmentOf(records.at(-1)?.lsn ?? "")] ?? "";
      writeFileSync(join(folder, name), bytes);
      const alone = await inspect(join(folder, name));
      assert.equal(alone.status, 0);
      const older = `0/${(Number.parseInt(names[1]?.slice(16) ?? "", 16) * MB + page).toString(16).toUpperCase()}`;
      assert.equal(
        alone.stderr,
        `walctl: the WAL ends at ${records.at(-1)?.end_lsn}\nwalctl: what follows it is older, from ${older} on: the file was recycled\n`,
      );
      // Not the last one: the segment that docs/wal.md has checked.
      const early = readFileSync(segment(2));
      readFileSync(segment(1)).copy(early, page, page);
      writeFileSync(join(folder, names[2] ?? ""), early);
      const { status, stderr } = await inspect(join(folder, names[2] ?? ""), segment(3));
      assert.equal(status, 3);
      assert.match(stderr, /^walctl: error: .*: byte \d+: page at 0\/\w+: its address is 0\/\w+\n/);
      const sound = await inspect("--stats", segment(2), segment(3));
      assert.equal(sound.status, 0);
      rmSync(folder, { recursive: true });
    });
  });

  describe("refusals", () => {
    it("files that are no WAL, or of a version that is not known", async () => {
      const rubbish = join(root, "rubbish");
      writeFileSync(rubbish, Buffer.alloc(MB, 0x77));
      const newer = readFileSync(segment(0));
      newer.writeUInt16LE(0xd11a, 0);
      writeFileSync(join(root, "newer"), newer);
      const empty = join(root, "empty");
      writeFileSync(empty, Buffer.alloc(MB));
      mkdirSync(join(root, "nothing"));
      mkdirSync(join(root, "stale"));
      copyFileSync(segment(0), join(root, "stale", "0000000100000000000000AB"));
      const CASES = [
        [rubbish, 3, /rubbish: no page header: encrypted, or no WAL\n.*walctl decode-file FILE/],
        [join(root, "newer"), 3, /segment of PostgreSQL with page magic D11A: not known/],
        [empty, 3, /no WAL was written to it/],
        [
          join(root, "stale"),
          3,
          /0000000100000000000000AB: no WAL of its own: its first page is of 0\/\w+, not 0\/AB00000; the file was recycled\nHINT: Give the segments before it too: the WAL ends in one of them\.\n$/,
        ],
        [join(root, "nothing"), 1, /no segment of WAL in [^]*\nHINT: .*give them by name/],
        [join(root, "absent"), 1, /could not read ".*absent": no such file/],
      ] as const;
      for (const [path, status, error] of CASES) {
        const result = await inspect(path);
        assert.equal(result.status, status);
        assert.match(result.stderr, error);
        assert.equal(result.stdout, "");
      }
    });

    it("wrong usage", async () => {
      const CASES: ReadonlyArray<readonly [flags: readonly string[], error: RegExp]> = [
        [["--type", "FOO"], /--type: "FOO" is not known\nHINT: Known are ABORT, /],
        [["--rmgr", "FOO"], /--rmgr: "FOO" is not known\nHINT: Known are BRIN, /],
        [["--block", "1"], /--block needs --relation/],
        [["--relation", "a"], /--relation takes /],
        [["-I", "zz"], /--startpos takes an LSN/],
        [["--since", "soon"], /--since takes a time/],
        [["--since", "2026-02-30"], /--since takes a time/],
        [["--xid", "4294967296"], /--xid takes a number of up to 4294967295/],
        [["--timeline", "7"], /the input does not hold timeline 7/],
        [["--follow", "--stats"], /--follow has no end/],
        [["-F", "wal2json"], /wal2json/],
      ];
      for (const [flags, error] of CASES) {
        const { status, stderr } = await inspect(...flags, archive);
        assert.equal(status, 2, stderr);
        assert.match(stderr, error);
      }
    });
  });
});
