/**
 * Every workload on every version: each printed row is what row_to_json of that server says, each table what
 * a subscriber makes of its lines, and whichever way the stream is asked for, the same transactions come.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { walctl } from "../support/program/cli.ts";
import { compareBinary } from "./support/binary.ts";
import { compareCatalogue } from "./support/catalogue.ts";
import { type Transaction, changesIn } from "./support/fates.ts";
import { compareRows } from "./support/oracle.ts";
import { compareTables } from "./support/replay.ts";
import { MatrixRun, type Variant, runsOn } from "./support/run.ts";
import { compareFates } from "./support/same-fates.ts";
import { compareTexts } from "./support/texts.ts";
import { isThorough, testedVersions } from "./support/versions.ts";
import { type Workload, tablesOf } from "./support/workload.ts";
import { WORKLOADS } from "./workloads/all.ts";
import { NO_TEXT_ONLY, NO_TYPES } from "./workloads/types.ts";

const FLAGS = ["--messages"];
/** The types' rows are as many as all others, and there is nothing in them that is streamed otherwise. */
const LESS = isThorough() ? {} : { except: NO_TYPES };

const BASE: Variant = { name: "protocol 1", since: 14, flags: FLAGS };
const BINARY: Variant = {
  name: "binary",
  since: 14,
  flags: [...FLAGS, "--binary"],
  except: NO_TEXT_ONLY,
};
const TEXT: Variant = { name: "text", since: 14, flags: [...FLAGS, "--values", "text"] };
const OURS: Variant = {
  name: "our own",
  since: 16,
  flags: [...FLAGS, "--origin", "none"],
  ...LESS,
};

/** Ways of asking that must not make a difference to what was committed. */
const STREAMED: readonly Variant[] = [
  {
    name: "streaming on",
    since: 14,
    quick: 15,
    flags: [...FLAGS, "--streaming", "on"],
    ...LESS,
  },
  { name: "streaming parallel", since: 16, flags: [...FLAGS, "--streaming", "parallel"], ...LESS },
  {
    name: "streaming each change",
    since: 16,
    flags: [...FLAGS, "--streaming", "parallel"],
    // A block for every change, also of transactions that would not be streamed otherwise.
    env: { PGOPTIONS: "-c debug_logical_replication_streaming=immediate" },
    ...LESS,
  },
  { name: "two-phase", since: 15, quick: 18, flags: [...FLAGS, "--two-phase"], ...LESS },
  {
    name: "two-phase streaming",
    since: 15,
    quick: 15,
    flags: [...FLAGS, "--two-phase", "--streaming", "on"],
    ...LESS,
  },
];

for (const version of testedVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let run: MatrixRun;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "walctl-matrix-"));
      const capture = ["--capture", join(folder, "capture")];
      run = await MatrixRun.start(version, WORKLOADS, [BASE, BINARY, TEXT, OURS, ...STREAMED], {
        [BINARY.name]: capture,
      });
      await run.perform();
    });
    after(async () => {
      await rm(folder, { recursive: true });
      await run.server.dispose();
    });

    for (const workload of WORKLOADS.filter(({ since }) => version >= (since ?? 0))) {
      test(`${workload.name}: rows as row_to_json has them, tables as their replay`, async () => {
        await checkWorkload(run, workload);
      });
    }

    test("columns and their types are what the catalogue calls them", async () => {
      await compareCatalogue(run.server, (await run.stream(BASE)).fates);
    });

    test("the capture of it decodes to the same bytes", async () => {
      const { output } = await run.stream(BINARY);
      const { status, stdout } = await walctl(["decode-file", "-q", join(folder, "capture")]);
      assert.equal(status, 0);
      assert.ok(stdout === output);
    });

    for (const variant of STREAMED.filter((each) => runsOn(each, version))) {
      test(`${variant.name}: the same was committed as at protocol 1`, async () => {
        const actual = await run.stream(variant);
        compareFates(actual.fates, await expectedOf(run, variant));
      });
    }

    test("binary: the same as from text", async () => {
      compareBinary((await run.stream(BINARY)).fates, await expectedOf(run, BINARY));
    });

    test("values as text: what the types' own output functions print", async () => {
      await compareTexts(run.server, (await run.stream(TEXT)).fates);
    });

    test(
      "origin none: all but what came from elsewhere",
      { skip: !runsOn(OURS, version) },
      async () => {
        const expected = await expectedOf(run, OURS);
        const { fates } = await run.stream(OURS);
        const local = expected.committed.filter(({ origin }) => origin === undefined);
        assert.ok(local.length < expected.committed.length);
        compareFates(fates, { ...expected, committed: local });
      },
    );
  });
}

/** What was committed at protocol 1, as far as the variant hears of it. */
async function expectedOf(run: MatrixRun, { except }: Variant): Promise<Expected> {
  const { fates } = await run.stream(BASE);
  if (except === undefined) return fates;
  const left = ({ changes }: Transaction): boolean =>
    !changes.some(({ relation }) => relation !== undefined && except.tables.test(relation.table));
  return { ...fates, committed: fates.committed.filter(left) };
}

type Expected = Awaited<ReturnType<MatrixRun["stream"]>>["fates"];

async function checkWorkload(run: MatrixRun, workload: Workload): Promise<void> {
  const failure = run.failures.get(workload);
  if (failure !== undefined) throw failure;
  const stream = await run.stream(BASE);
  const ours = tablesOf(workload);
  const rows = compareRows(await run.said(), stream.fates.committed, ours);
  assert.ok(rows >= (workload.rows ?? 1), `only ${rows} rows were compared`);
  await compareTables(run.server, stream.fates, ours, workload.where ?? {});
  const transactions = changesIn(stream.fates.committed, ours);
  workload.check?.({ version: run.server.version, transactions, ...stream });
}
