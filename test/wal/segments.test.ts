import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type LogPlan, planLog } from "../../src/capture/wal/plan.ts";
import type { SegmentFile } from "../../src/capture/wal/segment-file.ts";
import { segmentNameOf } from "../../src/capture/wal/segment-file.ts";
import type { SegmentHeader } from "../../src/postgres/pages/page.ts";
import { formatPosition } from "../../src/postgres/pages/position.ts";
import {
  addressOfName,
  formatSegmentName,
  parseHistory,
  parseSegmentName,
} from "../../src/postgres/pages/segments.ts";
import { walctlInside } from "../support/program/inside.ts";
import { LogEncoder, SEGMENT_BYTES, START, mainData } from "./support/log-encoder.ts";

const MB = 1024 * 1024;
const GB = 1024 * MB;
const HIGH = 2 ** 32;

describe("names of segments", () => {
  const CASES = [
    ["000000010000000000000001", 16 * MB, 16 * MB],
    ["0000000100000000000000FF", 16 * MB, 255 * 16 * MB],
    ["000000010000000100000000", 16 * MB, HIGH],
    ["000000010000000000000FFF", MB, 4095 * MB],
    ["00000001000000AB00000003", GB, 0xab * HIGH + 3 * GB],
    ["0000000100000000FFFFFFFF", 16 * MB, undefined],
    ["000000010000000000000004", GB, undefined],
  ] as const;
  for (const [name, size, address] of CASES) {
    it(`${name}, of ${size / MB} MB`, () => {
      const parsed = parseSegmentName(name);
      assert.ok(parsed !== undefined);
      assert.equal(addressOfName(parsed, size), address);
      if (address !== undefined) assert.equal(formatSegmentName(1, address, size), name);
    });
  }

  it("with what archives put behind them, and nothing else", () => {
    const name = "000000010000000000000001";
    for (const suffix of ["", ".partial", ".gz", ".zst", ".lz4", ".partial.gz"]) {
      assert.ok(segmentNameOf(name + suffix) !== undefined, suffix);
    }
    for (const other of [
      `${name}.00000028.backup`,
      `${name}.tmp`,
      `x${name}`,
      "00000002.history",
    ]) {
      assert.equal(segmentNameOf(other), undefined, other);
    }
  });
});

describe("a timeline's history", () => {
  it("has its parents, oldest first", () => {
    const text =
      "# comment\n1\t0/1581A98\tno recovery target specified\n\n2\tAB/30000D8\tbefore 2026\n";
    const padded = text.replace("0/1581A98", "0/01581A98").replace("AB/30000D8", "AB/030000D8");
    for (const history of [text, padded]) {
      assert.deepEqual(parseHistory(history), [
        { timeline: 1, switchedAt: 0x1581a98 },
        { timeline: 2, switchedAt: 0xab * HIGH + 0x30000d8 },
      ]);
    }
    assert.deepEqual(parseHistory(""), []);
    assert.equal(parseHistory("no history"), undefined);
  });
});

describe("the plan of what is read", () => {
  const systemIdentifier = 7n;

  /** `NAME`, `NAME.partial`, `NAME.gz`; with `!` before it its first page is of another address. */
  function file(text: string, system = systemIdentifier): SegmentFile {
    const recycled = text.startsWith("!");
    const path = text.replace("!", "");
    const named = segmentNameOf(path);
    assert.ok(named !== undefined, path);
    const own = addressOfName(named, 16 * MB) ?? 0;
    const address = recycled ? own - 16 * MB : own;
    const header: SegmentHeader = {
      magic: 0xd118,
      version: 18 as const,
      timeline: named.timeline,
      address,
      systemIdentifier: system,
      segmentBytes: 16 * MB,
    };
    const [partial, compressed] = [path.includes(".partial"), path.endsWith(".gz")];
    return {
      path,
      name: path,
      named,
      partial,
      compressed,
      start: { kind: "segment", header },
      damage: undefined,
    };
  }
  const name = (timeline: number, segment: number, suffix = ""): string =>
    formatSegmentName(timeline, segment * 16 * MB, 16 * MB) + suffix;
  const namesOf = ({ segments }: LogPlan): readonly string[] =>
    segments.map((segment) => segment.file.name);
  const plan = (
    names: readonly string[],
    timeline?: number | "latest",
    histories = new Map<number, ReadonlyArray<{ timeline: number; switchedAt: number }>>(),
  ): LogPlan =>
    planLog(
      names.map((each) => file(each)),
      { histories, timeline },
    );

  it("is in the order of the log, each segment once, the better file of two", () => {
    const names = [name(1, 3, ".gz"), name(1, 2, ".partial"), name(1, 1), name(1, 2), name(1, 3)];
    assert.deepEqual(namesOf(plan(names)), [name(1, 1), name(1, 2), name(1, 3)]);
  });

  it("ends where files are recycled ones, and keeps one before the end, to be named", () => {
    const recycled = `!${name(1, 4)}`;
    assert.deepEqual(namesOf(plan([name(1, 1), recycled])), [name(1, 1)]);
    const between = plan([name(1, 3), recycled, name(1, 5)]);
    assert.deepEqual(
      between.segments.map(({ valid }) => valid),
      [true, false, true],
    );
  });

  it("refuses two systems, and prints both", () => {
    assert.throws(
      () =>
        planLog([file(name(1, 1)), file(name(1, 2), 9n)], {
          histories: new Map(),
          timeline: undefined,
        }),
      /different systems: 7 and 9/,
    );
  });

  describe("of three timelines", () => {
    const names = [
      name(1, 1),
      name(1, 2),
      name(1, 3, ".partial"),
      name(1, 4),
      name(2, 3),
      name(2, 4),
      name(2, 5),
      name(3, 5),
      name(3, 6),
    ];
    const histories = new Map([
      [2, [{ timeline: 1, switchedAt: 3 * 16 * MB + 100 }]],
      [
        3,
        [
          { timeline: 1, switchedAt: 3 * 16 * MB + 100 },
          // At a segment's very end: nothing of it is in the next one.
          { timeline: 2, switchedAt: 5 * 16 * MB },
        ],
      ],
    ]);
    const CASES = [
      [1, [name(1, 1), name(1, 2), name(1, 3, ".partial"), name(1, 4)]],
      [2, [name(1, 1), name(1, 2), name(2, 3), name(2, 4), name(2, 5)]],
      ["latest", [name(1, 1), name(1, 2), name(2, 3), name(2, 4), name(3, 5), name(3, 6)]],
    ] as const;
    for (const [timeline, expected] of CASES) {
      it(`reads ${timeline} by its history`, () => {
        assert.deepEqual(namesOf(plan(names, timeline, histories)), expected);
      });
    }

    it("asks which one, with their ranges", () => {
      const range = (from: number, to: number): string =>
        `${formatPosition(from * 16 * MB)} to ${formatPosition(to * 16 * MB)}`;
      assert.throws(
        () => plan(names, undefined, histories),
        (error: Error & { readonly detail?: string }) =>
          error.detail === `They are 1: ${range(1, 5)}; 2: ${range(3, 6)}; 3: ${range(5, 7)}.`,
      );
    });
  });
});

describe("standard input", () => {
  it("is read behind damage as files are", async () => {
    const log = new LogEncoder(18);
    while (log.position < START + 1.5 * SEGMENT_BYTES) {
      log.record({ body: mainData(Array.from({ length: 20_000 }, (_, at) => at & 0xff)) });
    }
    const bytes = Buffer.alloc(2 * SEGMENT_BYTES);
    bytes.set(log.bytes());
    const folder = mkdtempSync(join(tmpdir(), "walctl-segments-"));
    // The log ends there, unless a later segment says that it does not.
    const { lsn } = log.records[5]!;
    bytes.fill(0, lsn - START, lsn - START + 40_000);
    const segments = [0, 1].map((index) => {
      const segment = bytes.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
      const name = formatSegmentName(1, START + index * SEGMENT_BYTES, SEGMENT_BYTES);
      writeFileSync(join(folder, name), segment);
      return segment;
    });
    try {
      const expected = await walctlInside(["inspect", "--keep-going", folder]);
      const { status, stdout, stderr } = await walctlInside(["inspect", "--keep-going", "-"], {
        stdin: segments,
      });
      assert.equal(status, 3, stderr);
      assert.ok(stdout.split("\n").length > log.records.length - 5);
      assert.equal(stdout, expected.stdout);
      assert.match(stderr, /: skipped \S+ to \S+ \([\d,]{6} bytes\)/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
