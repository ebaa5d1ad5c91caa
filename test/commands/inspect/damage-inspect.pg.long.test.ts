/** walctl inspect: every kind of damage is named and read around, and where the log ends is not damage. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { type Archive, MB, inspect, linesOf, makeArchive, timeOf } from "./archive.ts";

describe("walctl inspect, of damage", () => {
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
  /** A copy of the archive that may be spoiled. */
  function copy(name: string): string {
    const folder = join(root, name);
    cpSync(archive, folder, { recursive: true });
    return folder;
  }

  it("reads of two copies of a segment the one that holds more of the log, in whatever order they come", async () => {
    const name = names[2] ?? "";
    const sound = readFileSync(segment(2));
    const older = Buffer.from(sound);
    // As while the server wrote it, in a recycled file.
    sound.copy(older, 499_712, 0);
    const copies: Readonly<Record<string, Buffer>> = {
      [name]: sound.subarray(0, 500_001),
      [`${name}.partial`]: Buffer.concat([sound.subarray(0, 499_000), Buffer.alloc(MB - 499_000)]),
      [`${name}.gz`]: gzipSync(older),
    };
    for (const [file, bytes] of Object.entries(copies)) {
      const folder = join(root, "copies");
      mkdirSync(folder);
      writeFileSync(join(folder, file), bytes);
      for (const paths of [
        [archive, folder],
        [folder, archive],
      ]) {
        const { status, stdout, stderr } = await inspect("-F", "ndjson", ...paths);
        assert.equal(`${status} ${stderr}`, `0 ${all.stderr}`, file);
        assert.ok(stdout === all.stdout, file);
      }
      rmSync(folder, { recursive: true });
    }
  });

  it("names two copies of a segment that contradict each other", async () => {
    const folder = copy("contradiction");
    const path = join(folder, names[2] ?? "");
    const bytes = readFileSync(path);
    bytes[300_000]! ^= 4;
    writeFileSync(path, bytes);
    const { status, stdout, stderr } = await inspect(archive, folder);
    assert.equal(`${status} ${stdout}`, "3 ");
    assert.ok(
      stderr.startsWith(
        `walctl: error: two copies of segment ${names[2]} differ from byte 300000 on\nDETAIL: They are ${segment(2)} and ${path}: `,
      ),
      stderr,
    );
    assert.match(stderr, /\nHINT: .*walctl inspect --stats FILE/);
    rmSync(folder, { recursive: true });
  });

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
