/** walctl inspect: what it says of records, which ones each filter takes, and how it counts them. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { LineSchema } from "../../support/program/line-schema.ts";
import {
  type Archive,
  type NamedRecord,
  inspect,
  linesOf,
  makeArchive,
  timeOf,
} from "./archive.ts";

describe("walctl inspect, of records", () => {
  let root: Archive["root"];
  let archive: Archive["archive"];
  let records: Archive["records"];
  let facts: Archive["facts"];

  before(async () => {
    ({ root, archive, records, facts } = await makeArchive());
  });
  after(() => rmSync(root, { recursive: true }));

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
      database: Number(facts["database"]),
      transactional: false,
      prefix: "app",
      bytes: 5,
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
});
