/**
 * Rows out of WAL that was cut at random: no line is printed that the whole log does not have, what was left out is said, and each
 * refusal names what helps. WALCTL_TEST_CUTS is their number for each server, WALCTL_TEST_SEED the seed.
 */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FOLLOWED_CATALOGS } from "../../src/catalog/model.ts";
import { walctl } from "../support/program/cli.ts";
import { walctlInside } from "../support/program/inside.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { seededRandom } from "../support/tools/random.ts";
import { CutOracle, positionOf } from "./support/cut-oracle.ts";
import { type Segment, addHistories, makeCut, usedBytes } from "./support/cuts.ts";
import { interleavedWork } from "./support/interleaved-work.ts";
import { isThorough, newestOrNamed } from "./support/versions.ts";

const CUTS = Number(process.env["WALCTL_TEST_CUTS"] ?? (isThorough() ? 400 : 100));
const SEED = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1e9);
/** Of a seed that failed, only this one. */
const KEPT = process.env["WALCTL_TEST_RECORDING"];
const ONLY = process.env["WALCTL_TEST_CUT"] || undefined;
const LEVELS = (process.env["WALCTL_TEST_LEVEL"] || "logical,replica").split(",");
const STEPS = 500;
const FIRST_NORMAL_OID = 16384;
const FAILURES_MAX = 10;
const MB = 1024 * 1024;
const SEGMENT = /^[0-9A-F]{24}$/;
/** What says that rows were left out, or that a table's definition is not known. */
const LOSS =
  /could not be rebuilt|printed without|not explained|rolled-back transactions? not printed|catalogue's tables not printed/;

/** At wal_level=replica nobody knows whose savepoint it was. */
const SAVEPOINTS = "rolled-back transactions not printed";

interface Recording {
  readonly wal: string;
  readonly segments: readonly Segment[];
  readonly histories: readonly string[];
  readonly catalogs: readonly Catalog[];
}

interface Catalog {
  readonly path: string;
  readonly timeline: number;
  readonly lsn: number;
}

for (const version of newestOrNamed()) {
  for (const level of LEVELS) {
    describe(`rows of WAL cut at random, PostgreSQL ${version} at wal_level=${level}, seed ${SEED}`, () => {
      let root: string;
      let recording: Recording;
      const oracles = new Map<string, CutOracle>();

      before(async () => {
        root =
          KEPT === undefined
            ? mkdtempSync(join(tmpdir(), "walctl-cuts-"))
            : `${KEPT}-${version}-${level}`;
        const kept = join(root, "recording.json");
        if (existsSync(kept)) recording = JSON.parse(readFileSync(kept, "utf8")) as Recording;
        else {
          mkdirSync(root, { recursive: true });
          recording = await record(version, level, root);
          writeFileSync(kept, JSON.stringify(recording));
        }
      });
      after(() => {
        if (KEPT === undefined) rmSync(root, { recursive: true, force: true });
      });

      async function oracleOf(timeline: number, options: readonly string[]): Promise<CutOracle> {
        const key = `${timeline} ${options.join(" ")}`;
        let oracle = oracles.get(key);
        if (oracle !== undefined) return oracle;
        const { catalogs, wal } = recording;
        const args = ["decode-file", ...options, "--timeline", String(timeline), wal];
        const outputs: string[] = [];
        const ofTimeline = catalogs.filter((each) => each.timeline === timeline);
        for (const { path } of [catalogs[0]!, ofTimeline[1]!, ofTimeline.at(-1)!]) {
          const result = await walctlInside([...args, "--catalog", path]);
          // Only what the last catalogue of the timeline before does not reach.
          if (/left it at|exported at/.test(result.stderr)) continue;
          const { status, stderr } = result;
          const lost = stderr.match(LOSS)?.[0] ?? "";
          assert.equal(`${status} ${lost}`, lost === "" ? "0 " : `3 ${SAVEPOINTS}`, stderr);
          outputs.push(result.stdout);
        }
        oracle = new CutOracle(outputs[0]!);
        for (const output of outputs.slice(1)) oracle.compare(output, true);
        assert.ok(oracle.size > 200, `${oracle.size} lines`);
        oracles.set(key, oracle);
        return oracle;
      }

      it(`prints what the whole log has, or nothing, in ${CUTS} cuts`, async () => {
        const said = new Map<string, number>();
        const failures: string[] = [];
        const sums = { rows: 0, less: 0, whole: 0, counted: 0, refused: 0 };
        for (let index = 0; index < CUTS; index++) {
          if (ONLY !== undefined && index !== Number(ONLY)) continue;
          const random = seededRandom(SEED * 100_003 + index);
          const number = (below: number): number => Math.floor(random() * below);
          await check(number, sums, said, index).catch((error: Error) =>
            failures.push(error.message),
          );
          if (failures.length >= FAILURES_MAX) break;
        }
        console.log(`${CUTS} cuts: ${JSON.stringify(sums)}`);
        for (const [what, count] of said) console.log(`  ${count} ${what}`);
        assert.deepEqual(failures, []);
      });

      async function check(
        number: (below: number) => number,
        sums: { rows: number; less: number; whole: number; counted: number; refused: number },
        said: Map<string, number>,
        index: number,
      ): Promise<void> {
        const { catalogs, histories, segments } = recording;
        const timeline = number(4) === 0 ? 2 : 1;
        const alone = timeline === 1 && number(3) > 0;
        const files = alone ? segments.filter(({ name }) => name.startsWith("00000001")) : segments;
        const cut = makeCut(files, join(root, `cut-${process.pid}`), number);
        if (!alone) addHistories(cut, histories, number);
        const from = addressOf(/from (\w{24})/.exec(cut.what)?.[1]);
        const usable = catalogs.filter((each) => each.timeline === timeline && each.lsn >= from);
        const some = number(8) === 0 || usable.length === 0 ? catalogs : usable;
        const catalog = some[number(some.length)]!;
        const options = ["--old", ["auto", "logged", "full"][number(3)]!];
        for (const option of ["--aborted", "--tables-changed", "--messages"]) {
          if (number(2) === 0) options.push(option);
        }
        const args = ["decode-file", ...options, "--catalog", catalog.path];
        if (!alone || number(4) === 0) args.push("--timeline", String(timeline));
        if (number(2) === 0) args.push("--keep-going");
        const at = positionOf("0/1000000") + number(segments.length * MB);
        const isPart = number(8) === 0;
        const end = `${Math.floor(at / 2 ** 32)}/${(at % 2 ** 32).toString(16)}`;
        if (isPart) args.push(["-I", "-E"][number(2)]!, end);
        const piped = alone && !cut.what.includes("partial") && number(6) === 0;
        const memory = number(2) === 0 ? {} : { WALCTL_TEST_MEMORY: "65536" };
        const env = { WALCTL_DEBUG: "1", ...memory };
        const result = piped
          ? await walctlInside([...args, "-"], { env, stdin: inputOf(cut.folder) })
          : await walctlInside([...args, cut.folder], { env });
        const { status, stderr, stdout } = result;
        const spilled = Object.entries(memory).map((entry) => entry.join("="));
        const what = `${spilled.join(" ")} WALCTL_TEST_SEED=${SEED} WALCTL_TEST_CUT=${index} (${version}, ${level}): ${cut.what}\n  ${args.join(" ")}\n`;
        try {
          assert.ok([0, 2, 3].includes(status ?? -1), "status");
          for (const message of messagesOf(stderr)) {
            const key = message.replace(/\b[0-9A-F]+\/[0-9A-F]+\b|\b[0-9A-F]{24}\b|[\d,]+/g, "N");
            said.set(key, (said.get(key) ?? 0) + 1);
            assert.ok(!message.startsWith("error") || message.includes("HINT"), "no hint");
          }
          const oracle = await oracleOf(timeline, options);
          const lossless = !LOSS.test(stderr) && !isPart;
          const isAuto = level === "logical" && options.includes("auto");
          const asFull = options.map((option) => (option === "auto" ? "full" : option));
          const full = isAuto ? await oracleOf(timeline, asFull) : undefined;
          const compared = oracle.compare(stdout, lossless, full);
          if (options.includes("full")) {
            assert.equal(
              countOf(stderr, /(\d+) updates? of .* printed without old rows/),
              compared.withoutOld,
            );
            const values = countOf(stderr, /(\d+) changes? of .* printed without values/);
            assert.equal(values, compared.withoutValues, "values");
          }
          const rebuilt = countOf(
            stderr,
            /(\d+) changes? of \d+ tables? (?:could not be rebuilt|not printed: their)/,
          );
          const unexplained = countOf(stderr, /(\d+) changes? of \d+ relfilenodes? not explained/);
          assert.equal(countOf(stdout, /"lost":(\d+)/), rebuilt + unexplained, "lost");
          sums.rows += compared.rows;
          sums.less += compared.less;
          if (compared.rows === 0 && status !== 0) sums.refused++;
          if (number(4) === 0 && !piped) await checkPart(args, cut.folder, env, stdout, number);
          if (!cut.whole || isPart || !alone || status === 2) return;
          const found = /WAL ends at ([0-9A-F/]+)|the record at ([0-9A-F/]+) goes on/.exec(stderr);
          if (found === null) return;
          const until = positionOf(found[1] ?? found[2]!);
          if (lossless) oracle.complete(compared, from, until);
          sums.whole++;
          if (/rolled-back transactions? not printed/.test(stderr)) return;
          const missing = oracle.rowsBetween(from, until) - compared.rows;
          const counts = `${missing} are missing, ${rebuilt} and ${unexplained} are counted`;
          // Of a file that is not explained nobody knows whether it has rows or parts of values.
          assert.ok(rebuilt <= missing && missing <= rebuilt + unexplained, counts);
          sums.counted += rebuilt;
        } catch (error) {
          assert.fail(`${what}${(error as Error).message}\n  exit ${status}: ${stderr}`);
        }
      }
    });
  }
}

/** The sum of what the pattern finds. */
function countOf(stderr: string, pattern: RegExp): number {
  const all = stderr.matchAll(new RegExp(pattern, "g"));
  return Array.from(all, ([, count = ""]) => Number(count)).reduce((sum, each) => sum + each, 0);
}

/** What is asked for of one transaction alone is what is printed of it beside others. */
async function checkPart(
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
  stdout: string,
  number: (below: number) => number,
): Promise<void> {
  const lines = linesWithout(stdout, ["relation", "type"]);
  const ends = lines.filter(({ kind }) => kind === "commit");
  const end = ends[number(ends.length)];
  if (end === undefined) return;
  const { commit_time: time, xid } = end;
  const isByXid = number(2) === 0;
  const some = isByXid
    ? ["--xid", String(xid)]
    : ["--since", String(time), "--until", String(time)];
  const part = await walctlInside([...args, ...some, folder], { env });
  const ofPart = (line: Line): boolean =>
    isByXid ? line.xid === xid : line["commit_time"] === time;
  const printed = linesWithout(part.stdout, ["relation", "type"]);
  if (isByXid) assert.ok(printed.every(ofPart));
  assert.deepEqual(printed.filter(ofPart), lines.filter(ofPart), some.join(" "));
}

interface Line {
  readonly kind: string;
  readonly xid: number;
  readonly [key: string]: unknown;
}

function linesWithout(stdout: string, kinds: readonly string[]): readonly Line[] {
  const texts = stdout.split("\n").filter((text) => text !== "");
  const all = texts.map((text) => JSON.parse(text) as Line);
  return all.filter(({ kind }) => !kinds.includes(kind));
}

function addressOf(segment = ""): number {
  return segment === "" ? 0 : Number.parseInt(segment.slice(16), 16) * MB;
}

function* inputOf(folder: string): Generator<Uint8Array, void, void> {
  for (const name of readdirSync(folder).toSorted()) {
    if (SEGMENT.test(name)) yield readFileSync(join(folder, name));
  }
}

function messagesOf(stderr: string): readonly string[] {
  return stderr
    .split(/^walctl: /m)
    .filter((message) => message !== "")
    .map((message) => message.trim().replaceAll("\n", " | "));
}

async function record(version: ServerVersion, level: string, root: string): Promise<Recording> {
  const server = await startServer({
    version,
    settings: {
      wal_level: level,
      full_page_writes: SEED % 5 === 0 ? "off" : "on",
      autovacuum: "off",
      wal_keep_size: "2GB",
      max_wal_size: "1GB",
      max_prepared_transactions: "5",
    },
    initdbArguments: ["--wal-segsize=1"],
  });
  const catalogs: Catalog[] = [];
  const exportNow = async (timeline: number): Promise<void> => {
    const path = join(root, `catalog-${catalogs.length}`);
    const { status, stderr } = await walctl(["catalog", "-q", "-o", path], { server });
    assert.equal(status, 0, stderr);
    leaveOutSystemTables(path);
    const { lsn } = JSON.parse(readFileSync(path, "utf8").split("\n", 1)[0]!) as { lsn: string };
    catalogs.push({ path, timeline, lsn: positionOf(lsn) });
  };
  try {
    await server.sql("CHECKPOINT");
    await exportNow(1);
    await interleavedWork(server, { seed: SEED, steps: STEPS, exportNow: () => exportNow(1) });
    await exportNow(1);
    await promote(server);
    await interleavedWork(server, { seed: SEED + 1, steps: 60, exportNow: () => exportNow(2) });
    await server.stop();
    const wal = join(root, "wal");
    cpSync(join(server.host, "data", "pg_wal"), wal, { recursive: true });
    const paths = readdirSync(wal)
      .toSorted()
      .map((name) => join(wal, name));
    const segments = paths
      .filter((path) => SEGMENT.test(basename(path)))
      .map((path) => ({ path, name: basename(path), used: usedBytes(path) }))
      .filter(({ used }) => used > 0);
    return { wal, segments, catalogs, histories: paths.filter((path) => path.endsWith("history")) };
  } finally {
    await server.dispose();
  }
}

/** Starts it again on a timeline of its own. */
async function promote(server: TestServer): Promise<void> {
  await server.stop();
  writeFileSync(join(server.host, "data", "standby.signal"), "");
  await server.start();
  await server.sql("SELECT pg_promote()");
}

/** Nothing asks for them here, and they are most of the file, which each run reads. */
function leaveOutSystemTables(path: string): void {
  const followed = new Set<number>(Object.values(FOLLOWED_CATALOGS));
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const kept = lines.slice(0, -1).filter((line) => {
    const row = JSON.parse(line) as { catalog?: string; attrelid?: number; oid?: number };
    if (row.catalog === "reg_names") return false;
    if (row.catalog !== "pg_attribute" && row.catalog !== "pg_class") return true;
    const table = row.attrelid ?? row.oid ?? 0;
    return table >= FIRST_NORMAL_OID || followed.has(table);
  });
  const end = { kind: "catalog_end", rows: kept.length - 1 };
  writeFileSync(path, [...kept, JSON.stringify(end), ""].join("\n"));
}
