/** walctl inspect on the files of a real server: every way to give it WAL, every filter, every kind of damage. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { toolPath } from "../../support/tools/tools.ts";
import type { RecordLine } from "../../wal/support/oracles.ts";

const MB = 1024 * 1024;
const SEGMENT = /^[0-9A-F]{24}$/;

interface NamedRecord extends RecordLine {
  readonly top_xid?: number;
  readonly blocks: ReadonlyArray<
    RecordLine["blocks"][number] & {
      readonly schema?: string;
      readonly table?: string;
      readonly relation?: string;
    }
  >;
}

function linesOf({ stdout }: RunResult): readonly NamedRecord[] {
  if (stdout === "") return [];
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as NamedRecord);
}

/** Empty: it has none. */
function timeOf({ detail }: RecordLine): string {
  const time = detail?.["time"];
  return typeof time === "string" ? time : "";
}

describe("walctl inspect", () => {
  let root: string;
  /** Six segments of 1 MB and more, as they lay in pg_wal when the server had stopped. */
  let archive: string;
  let names: readonly string[];
  let all: RunResult;
  let records: readonly NamedRecord[];
  let facts: Record<string, string>;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-inspect-"));
    archive = join(root, "archive");
    const server = await startServer({
      version: 18,
      settings: { full_page_writes: "on", wal_keep_size: "1GB", autovacuum: "off" },
      initdbArguments: ["--wal-segsize=1"],
    });
    try {
      facts = await work(server);
      await server.stop();
      cpSync(join(server.host, "data", "pg_wal"), archive, { recursive: true });
    } finally {
      await server.dispose();
    }
    names = readdirSync(archive)
      .filter((name) => SEGMENT.test(name))
      .toSorted();
    all = await walctl(["inspect", archive]);
    records = linesOf(all);
  });
  after(() => rmSync(root, { recursive: true }));

  const segment = (index: number): string => join(archive, names.at(index) ?? "");
  const inspect = async (...args: readonly string[]): Promise<RunResult> =>
    await walctl(["inspect", ...args]);
  /** A copy of the archive that may be spoiled. */
  function copy(name: string): string {
    const folder = join(root, name);
    cpSync(archive, folder, { recursive: true });
    return folder;
  }

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

  it("names relations whose creation it has seen, and the system catalogues", () => {
    const named = new Map<string, string>();
    for (const block of records.flatMap(({ blocks }) => blocks)) {
      const { schema, table, relation, relfilenode } = block;
      if (table !== undefined) named.set(`${relfilenode}`, [schema, table, relation].join(" "));
    }
    assert.equal(named.get(facts["table"] ?? ""), "public items ");
    assert.equal(named.get(facts["index"] ?? ""), "public items items_pkey");
    assert.match(named.get(facts["toast"] ?? "") ?? "", /^public items pg_toast_\d+$/);
    assert.equal(named.get("1259"), "pg_catalog pg_class ");
    assert.equal(named.get("2662"), "pg_catalog pg_class pg_class_oid_index");
  });

  it("calls every relation what the server calls it, also after TRUNCATE, VACUUM FULL and REINDEX", () => {
    const called = JSON.parse(facts["relations"] ?? "") as Record<string, [string, string, string]>;
    const seen = new Set<string>();
    for (const { blocks } of records) {
      for (const { relfilenode, schema, table, relation } of blocks) {
        const [ownSchema, ownTable, ownName] = called[relfilenode] ?? [];
        if (ownName === undefined || (table === undefined && relfilenode < 16_384)) continue;
        seen.add(ownName);
        // TOAST tables of the catalogues have a schema of their own.
        assert.equal(table, ownTable, `${relfilenode} ${ownName}`);
        assert.equal(schema, ownSchema);
        assert.equal(relation ?? table, ownName);
      }
    }
    for (const name of ["moved", "moved_pkey", "items", "items_pkey", "items_id_idx"]) {
      assert.ok(seen.has(name), name);
    }
  });

  it("tells what a commit says", () => {
    const commits = records.filter(({ type }) => type === "COMMIT");
    const { detail } = commits.find(({ xid }) => String(xid) === facts["xid"]) ?? {};
    assert.equal(detail?.["database"], Number(facts["database"]));
    assert.equal((detail["subxids"] as readonly number[]).length, 2);
    const dropped = commits.find(({ detail: each }) => each?.["dropped"] !== undefined);
    const files = dropped?.detail?.["dropped"] as ReadonlyArray<{ relfilenode: number }>;
    assert.ok(files.some(({ relfilenode }) => String(relfilenode) === facts["dropped"]));
    const point = records.find(({ type }) => type === "RESTORE_POINT");
    assert.equal(point?.detail?.["name"], "here");
    const message = records.find(({ rmgr }) => rmgr === "LogicalMessage");
    assert.deepEqual(message?.detail, {
      ...{ database: Number(facts["database"]), transactional: false, prefix: "app", bytes: 5 },
    });
    const checkpoint = records.findLast(({ type }) => type === "CHECKPOINT_ONLINE");
    assert.equal(checkpoint?.detail?.["redo"], facts["redo"]);
    assert.equal(checkpoint?.detail?.["wal_level"], "logical");
    const prepared = records.find(({ type }) => type === "COMMIT_PREPARED");
    assert.equal(prepared?.detail?.["gid"], "later");
  });

  describe("filters", () => {
    type Case = readonly [flags: () => string[], fits: (record: NamedRecord) => boolean];
    const CASES: Readonly<Record<string, Case>> = {
      "--rmgr, in any case": [() => ["--rmgr", "heap2"], ({ rmgr }) => rmgr === "Heap2"],
      "--type takes +INIT along": [
        () => ["--type", "insert"],
        ({ type }) => ["INSERT", "INSERT+INIT"].includes(type),
      ],
      "--type, one of two": [
        () => ["--type", "COMMIT", "--type", "ABORT"],
        ({ type }) => ["COMMIT", "ABORT"].includes(type),
      ],
      "--rmgr and --type": [
        () => ["--rmgr", "BRIN", "--type", "INSERT"],
        ({ rmgr, type }) => rmgr === "BRIN" && type.startsWith("INSERT"),
      ],
      "--relation": [
        () => ["--relation", facts["table"] ?? ""],
        ({ blocks }) => blocks.some((block) => String(block.relfilenode) === facts["table"]),
      ],
      "--relation with its database, and --block": [
        () => ["--relation", `1663/${facts["database"]}/${facts["table"]}`, "--block", "1"],
        ({ blocks }) =>
          blocks.some((each) => String(each.relfilenode) === facts["table"] && each.block === 1),
      ],
      "--full-page-images": [
        () => ["--full-page-images"],
        ({ blocks }) => blocks.some(({ image_bytes: bytes }) => bytes > 0),
      ],
      "--startpos and --endpos, both taken along": [
        () => ["-I", records[500]?.lsn ?? "", "-E", records[700]?.lsn ?? ""],
        ({ lsn }) => at(lsn) >= at(records[500]?.lsn) && at(lsn) <= at(records[700]?.lsn),
      ],
    };
    const at = (lsn = "0/0"): number => Number.parseInt(lsn.slice(2), 16);

    for (const [story, [flags, fits]] of Object.entries(CASES)) {
      it(story, async () => {
        const expected = records.filter(fits);
        assert.ok(expected.length > 0 && expected.length < records.length);
        const result = await inspect(archive, ...flags());
        assert.equal(result.status, 0, result.stderr);
        assert.deepEqual(
          linesOf(result).map(({ lsn }) => lsn),
          expected.map(({ lsn }) => lsn),
        );
      });
    }

    it("--xid takes subtransactions along, once their parent is known", async () => {
      const lines = linesOf(await inspect(archive, "--xid", facts["xid"] ?? ""));
      const xids = new Set(lines.map(({ xid }) => xid));
      const commit = lines.find(({ type }) => type === "COMMIT");
      assert.equal(xids.size, 3);
      const subxids = (commit?.detail?.["subxids"] ?? []) as readonly number[];
      for (const xid of subxids) assert.ok(xids.has(xid));
      const own = records.filter(({ xid }) => xids.has(xid));
      assert.equal(lines.length, own.length);
    });

    it("--xid of a prepared transaction takes its commit along", async () => {
      const { xid } = records.find(({ type }) => type === "PREPARE") ?? {};
      const lines = linesOf(await inspect(archive, "--xid", String(xid)));
      assert.deepEqual(
        lines.slice(-2).map(({ type }) => type),
        ["PREPARE", "COMMIT_PREPARED"],
      );
    });

    it("--since and --until by the times of commits", async () => {
      const timed = records.filter(({ detail }) => typeof detail?.["time"] === "string");
      const since = String(timed[5]?.detail?.["time"]);
      const until = String(timed[9]?.detail?.["time"]);
      const first = records.findIndex((each) => timeOf(each) >= since);
      const end = records.findIndex((each) => timeOf(each) > until);
      for (const [from, to] of [
        [since, until],
        [since.replace("T", " ").replace("Z", "+00"), until.replace("Z", "")],
      ] as const) {
        const lines = linesOf(await inspect(archive, "--since", from, "--until", to));
        assert.deepEqual(
          lines.map(({ lsn }) => lsn),
          records.slice(first, end).map(({ lsn }) => lsn),
        );
      }
    });

    it("--limit", async () => {
      const lines = linesOf(await inspect(archive, "-n", "3", "--type", "COMMIT"));
      const commits = records.filter(({ type }) => type === "COMMIT");
      assert.deepEqual(lines, commits.slice(0, 3));
    });
  });

  it("--stats adds up to the records, by type, rmgr and table", async () => {
    const total = records.reduce((sum, record) => sum + record.total_length, 0);
    for (const by of ["--stats", "--stats=rmgr", "--stats=table"]) {
      const { stdout } = await inspect(by, archive);
      assert.match(stdout, /^\{"kind":"wal_finding"/m);
      new LineSchema().assertAll(stdout, by);
      const stats = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, number | string>)
        .filter(({ kind }) => kind === "wal_stats");
      const sum = (key: string): number =>
        stats.reduce((sofar, row) => sofar + Number(row[key]), 0);
      assert.equal(sum("records"), records.length, by);
      assert.equal(sum("record_bytes") + sum("image_bytes"), total, by);
    }
  });

  it("--stats=table gives bytes to the tables that they are of", async () => {
    const { stdout } = await inspect("--stats=table", archive);
    const row = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, number | string>)
      .find(({ table }) => table === "items");
    const of = (block: NamedRecord["blocks"][number] | undefined): boolean =>
      block?.table === "items";
    const own = records.filter(({ blocks }) => of(blocks[0]));
    const images = records.flatMap(({ blocks }) => blocks.filter(of));
    assert.equal(row?.["records"], own.length);
    assert.equal(
      row["record_bytes"],
      own.reduce((sum, { length }) => sum + length, 0),
    );
    assert.equal(
      row["image_bytes"],
      images.reduce((sum, each) => sum + each.image_bytes, 0),
    );
  });

  describe("damage", () => {
    const DAMAGE: Readonly<
      Record<string, readonly [spoil: (folder: string) => void, error: () => RegExp, lost: number]>
    > = {
      "a flipped bit": [
        (folder) => {
          const path = join(folder, names[2] ?? "");
          const bytes = readFileSync(path);
          bytes[300_000]! ^= 4;
          writeFileSync(path, bytes);
        },
        () =>
          new RegExp(
            `^walctl: error: ${names[2]}: byte 29\\d{4}: record at 0/\\w+: checksum does not match$`,
            "m",
          ),
        8192,
      ],
      "a file that is cut short": [
        (folder) => truncateSync(join(folder, names[2] ?? ""), 500_001),
        () =>
          new RegExp(
            `^walctl: error: ${names[2]}: byte \\d+: record at 0/\\w+: \\d+ bytes missing$`,
            "m",
          ),
        MB,
      ],
      "a file that ends with a page": [
        (folder) => truncateSync(join(folder, names[2] ?? ""), 499_712),
        () =>
          new RegExp(
            `^walctl: error: ${names[2]}: byte \\d+: record at 0/\\w+: \\d+ bytes missing$`,
            "m",
          ),
        MB,
      ],
      "a segment that is missing": [
        (folder) => rmSync(join(folder, names[2] ?? "")),
        () => new RegExp(`^walctl: error: segment ${names[2]} is missing$`, "m"),
        2 * MB,
      ],
      "segments that are missing": [
        (folder) => {
          for (const name of names.slice(1, 4)) rmSync(join(folder, name));
        },
        () => new RegExp(`^walctl: error: segments ${names[1]} to ${names[3]} are missing$`, "m"),
        4 * MB,
      ],
      "a page of zeros": [
        (folder) => {
          const path = join(folder, names[2] ?? "");
          writeFileSync(path, readFileSync(path).fill(0, 163_840, 172_032));
        },
        () =>
          new RegExp(`^walctl: error: ${names[2]}: byte 163840: page at 0/\\w+: it is empty$`, "m"),
        3 * 8192,
      ],
      "a first page of rubbish": [
        (folder) => {
          const path = join(folder, names[2] ?? "");
          writeFileSync(path, readFileSync(path).fill(0x5a, 0, 8192));
        },
        () =>
          new RegExp(
            `^walctl: error: ${names[2]}: byte 0: page at 0/\\w+: not of this WAL \\(magic 5A5A\\)$`,
            "m",
          ),
        3 * 8192,
      ],
      ...Object.fromEntries(
        // Of XLogLongPageHeaderData, which pg_waldump trusts too.
        [
          ["the segment's size", 34, "segments of \\d+ bytes"],
          ["the size of blocks", 36, "blocks of \\d+ bytes"],
          ["the magic, as another version's", 0, "magic D1\\w\\w"],
        ].map(([what, at, said]) => [
          `one byte of a segment's first page: ${what}`,
          [
            (folder: string) => {
              const path = join(folder, names[2] ?? "");
              const bytes = readFileSync(path);
              bytes[Number(at)]! ^= 0x40;
              writeFileSync(path, bytes);
            },
            () =>
              new RegExp(
                `^walctl: error: ${names[2]}: byte 0: page at 0/\\w+: not of this WAL \\(${said}\\)$`,
                "m",
              ),
            3 * 8192,
          ] as const,
        ]),
      ),
      "compressed bytes that are damaged": [
        (folder) => {
          const path = join(folder, names[2] ?? "");
          const packed = gzipSync(readFileSync(path));
          rmSync(path);
          writeFileSync(`${path}.gz`, packed.subarray(0, packed.length / 2));
        },
        () => new RegExp(`^walctl: error: ${names[2]}.gz: its compressed bytes are damaged: `, "m"),
        MB,
      ],
    };
    for (const [story, [spoil, error, lost]] of Object.entries(DAMAGE)) {
      it(`${story}: named, and read around`, async () => {
        const folder = copy(story);
        spoil(folder);
        const stopped = await inspect(folder);
        assert.equal(stopped.status, 3);
        assert.match(stopped.stderr, error());
        assert.match(stopped.stderr, /^HINT: To go on after the damage: --keep-going\.$/m);
        const printed = linesOf(stopped);
        assert.ok(all.stdout.startsWith(stopped.stdout) && printed.length > 100);
        const around = await inspect("--keep-going", folder);
        assert.equal(around.status, 3);
        const range = /skipped (0\/\w+) to (0\/\w+) \(([\d,]+) bytes\)$/m.exec(around.stderr);
        const [, start = "", end = "", bytes = ""] = range ?? [];
        const at = (lsn: string): number => Number.parseInt(lsn.slice(2), 16);
        assert.equal(Number(bytes.replaceAll(",", "")), at(end) - at(start));
        assert.ok(at(end) - at(start) <= lost, `${bytes} bytes lost`);
        assert.deepEqual(
          linesOf(around).map(({ lsn }) => lsn),
          records.map(({ lsn }) => lsn).filter((lsn) => at(lsn) < at(start) || at(lsn) >= at(end)),
        );
        rmSync(folder, { recursive: true });
      });
    }

    it("an end in the middle of the last segment, with pages behind it, is warned of", async () => {
      const path = join(root, names[2] ?? "");
      writeFileSync(path, readFileSync(segment(2)).fill(0, 163_840, 172_032));
      const { status, stderr } = await inspect(path);
      assert.equal(status, 0);
      assert.match(stderr, /^walctl: the WAL ends at 0\/\w+\n/);
      const behind = `0/${(Number.parseInt(names[2]?.slice(16) ?? "", 16) * MB + 172_032).toString(16).toUpperCase()}`;
      assert.match(
        stderr,
        new RegExp(
          `^walctl: warning: behind the end, the page at ${behind} is of this WAL too$`,
          "m",
        ),
      );
    });

    it("what else has a segment's or a history's name, and a compressed file that is cut at its front, keep nothing from being read", async () => {
      const folder = copy("others");
      const next = `0000000100000000000000AA`;
      execFileSync("mkfifo", [join(folder, next)]);
      mkdirSync(join(folder, "0000000100000000000000AB"));
      mkdirSync(join(folder, "00000002.history"));
      writeFileSync(join(folder, "00000003.history"), "no history");
      const sound = await inspect(folder);
      assert.deepEqual([sound.status, sound.stderr], [0, all.stderr]);
      assert.ok(sound.stdout === all.stdout);
      rmSync(join(folder, names[2] ?? ""));
      writeFileSync(
        join(folder, `${names[2]}.gz`),
        gzipSync(readFileSync(segment(2))).subarray(0, 15),
      );
      const around = await inspect("--keep-going", folder);
      assert.equal(around.status, 3);
      assert.match(
        around.stderr,
        new RegExp(`^walctl: warning: ${names[2]}.gz: its compressed bytes are damaged: .*skipped`),
      );
      assert.equal(linesOf(around).at(-1)?.lsn, records.at(-1)?.lsn);
      rmSync(folder, { recursive: true });
    });

    it("--since counts from the beginning, also with --startpos behind it", async () => {
      const timed = records.filter(({ detail }) => typeof detail?.["time"] === "string");
      const [begin, last] = [timed[3], records.at(-1)];
      const from = records.at(-2)?.lsn ?? "";
      const time = timeOf(begin ?? records[0]!);
      const { stdout } = await inspect(archive, "-I", from, "--since", time);
      assert.equal(linesOf({ ...all, stdout })[0]?.lsn, from);
      assert.equal(linesOf({ ...all, stdout }).at(-1)?.lsn, last?.lsn);
      const until = await inspect(archive, "-I", from, "--until", time);
      assert.equal(until.stdout, "");
    });

    it("a partial file that is cut short, and empty and recycled files behind the end, are the log's end", async () => {
      const folder = copy("ends");
      const next = (index: number): string =>
        `0000000100000000${(Number.parseInt(names.at(-1)?.slice(16) ?? "", 16) + index).toString(16).toUpperCase().padStart(8, "0")}`;
      writeFileSync(join(folder, next(1)), Buffer.alloc(MB));
      copyFileSync(segment(0), join(folder, next(2)));
      const result = await inspect(folder);
      assert.equal(result.status, 0, result.stderr);
      assert.equal(result.stdout, all.stdout);
      for (const name of names.slice(3)) rmSync(join(folder, name));
      const partial = join(folder, `${names[3]}.partial`);
      copyFileSync(segment(3), partial);
      truncateSync(partial, 300_001);
      const cut = await inspect(folder);
      assert.equal(cut.status, 0, cut.stderr);
      assert.ok(all.stdout.startsWith(cut.stdout));
      assert.match(cut.stderr, /^walctl: the WAL ends at 0\/\w+\n$/);
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
        [rubbish, 3, /rubbish: no page header: encrypted, or no WAL/],
        [join(root, "newer"), 3, /segment of PostgreSQL with page magic D11A: not known/],
        [empty, 3, /no WAL was written to it/],
        [
          join(root, "stale"),
          3,
          /0000000100000000000000AB: no WAL of its own: its first page is of 0\/\w+, not 0\/AB00000; the file was recycled\n$/,
        ],
        [join(root, "nothing"), 1, /no segment of WAL in /],
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
        [["--since", "yesterday"], /--since takes a time/],
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

/** What the test looks for, as the server knows it. */
async function work(server: TestServer): Promise<Record<string, string>> {
  await server.sql("SELECT pg_switch_wal()");
  await server.sql("CHECKPOINT");
  await server.sql("CREATE TABLE items (id int PRIMARY KEY, name text)");
  await server.sql("CREATE INDEX ON items USING brin (id) WITH (pages_per_range = 1)");
  await server.sql("CREATE TABLE gone AS SELECT generate_series(1, 100) AS i");
  const [row] = await server.sql<Record<string, string>>(
    `SELECT pg_relation_filenode('items')::text AS table, pg_relation_filenode('items_pkey')::text AS index,
       pg_relation_filenode(reltoastrelid)::text AS toast, pg_relation_filenode('gone')::text AS dropped,
       (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database
     FROM pg_class WHERE relname = 'items'`,
  );
  for (let round = 0; round < 10; round++) {
    await server.sql(
      `INSERT INTO items SELECT i + ${round * 2000}, repeat('x', i % 300) FROM generate_series(1, 2000) i`,
    );
  }
  await server.sql(
    `INSERT INTO items SELECT -1, string_agg(md5(i::text), '') FROM generate_series(1, 500) i`,
  );
  await server.sql("DROP TABLE gone");
  await server.sql(`DO $$ BEGIN
    UPDATE items SET name = 'outer' WHERE id = 1;
    BEGIN UPDATE items SET name = 'first' WHERE id = 2; EXCEPTION WHEN division_by_zero THEN NULL; END;
    BEGIN UPDATE items SET name = 'second' WHERE id = 3; EXCEPTION WHEN division_by_zero THEN NULL; END;
  END $$`);
  const [{ xid } = { xid: "" }] = await server.sql<{ xid: string }>(
    "SELECT xmin::text AS xid FROM items WHERE id = 1",
  );
  await server.sql("SELECT pg_create_restore_point('here')");
  await server.sql("SELECT pg_logical_emit_message(false, 'app', 'hello')");
  await server.sql("BEGIN; DELETE FROM items WHERE id = 5; ROLLBACK");
  await server.sql("ALTER SYSTEM SET max_prepared_transactions = 5");
  await server.restart();
  await server.sql("BEGIN; DELETE FROM items WHERE id = 6; PREPARE TRANSACTION 'later'");
  await server.sql("COMMIT PREPARED 'later'");
  await server.sql("VACUUM items");
  await server.sql("CREATE TABLE moved (id int PRIMARY KEY)");
  for (const statement of ["TRUNCATE moved", "VACUUM FULL moved", "REINDEX TABLE moved"]) {
    await server.sql("INSERT INTO moved SELECT generate_series(1, 1000)");
    await server.sql(statement);
    await server.sql("DELETE FROM moved");
  }
  await server.sql("INSERT INTO moved SELECT generate_series(1, 1000)");
  await server.sql("SELECT pg_logical_emit_message(false, 'long', repeat('x', 2500000))");
  await server.sql("CHECKPOINT");
  const [{ redo } = { redo: "" }] = await server.sql<{ redo: string }>(
    "SELECT redo_lsn::text AS redo FROM pg_control_checkpoint()",
  );
  const [{ relations } = { relations: "" }] = await server.sql<{ relations: string }>(
    `SELECT json_object_agg(pg_relation_filenode(c.oid), json_build_array(
         t.relnamespace::regnamespace, t.relname, c.relname))::text AS relations
       FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
         JOIN pg_class o ON o.oid = coalesce(i.indrelid, c.oid)
         LEFT JOIN pg_class h ON h.reltoastrelid = o.oid
         JOIN pg_class t ON t.oid = coalesce(h.oid, o.oid)
       WHERE pg_relation_filenode(c.oid) IS NOT NULL`,
  );
  return { ...row, xid, redo, relations };
}
