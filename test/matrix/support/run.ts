/** All workloads on one server, and what `walctl tail` prints of them, asked in different ways. */
import assert from "node:assert/strict";
import { type RunOptions, walctl } from "../../support/program/cli.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";
import { type Fates, fatesOf } from "./fates.ts";
import { ORACLE_SETUP, type Said, readOracle } from "./oracle.ts";
import { type StreamLine, parseStream } from "./stream-line.ts";
import { isThorough } from "./versions.ts";
import { type Workload, perform, setUp } from "./workload.ts";

export interface Variant {
  readonly name: string;
  readonly since: ServerVersion;
  /** Of the default run's versions, the only one that it is for. */
  readonly quick?: ServerVersion;
  readonly flags: readonly string[];
  /** What it goes without: publications, which are those of the tables. */
  readonly except?: { readonly publications: RegExp; readonly tables: RegExp };
  readonly env?: Readonly<Record<string, string>>;
}

export interface Stream {
  /** What was printed. */
  readonly output: string;
  readonly lines: readonly StreamLine[];
  readonly fates: Fates;
}

/** By the name of the variant, what is known only once the run starts. */
type ExtraFlags = Readonly<Record<string, readonly string[]>>;

const SETTINGS = {
  // Whatever is larger is streamed.
  logical_decoding_work_mem: "64kB",
  max_prepared_transactions: "10",
  max_replication_slots: "30",
  max_wal_senders: "30",
  max_locks_per_transaction: "512",
};

/** A raw control character would break the line, or the terminal that shows it. */
// oxlint-disable-next-line no-control-regex
const RAW_CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

export class MatrixRun {
  readonly server: TestServer;
  readonly workloads: readonly Workload[];
  /** What went wrong while a workload ran, which its own test reports. */
  readonly failures = new Map<Workload, Error>();
  readonly #variants: readonly Variant[];
  readonly #extra: ExtraFlags;
  readonly #schema = new LineSchema();
  readonly #streams = new Map<Variant, Promise<Stream>>();
  #publications: readonly string[] = [];
  #said: Promise<readonly Said[]> | undefined;

  static async start(
    version: ServerVersion,
    workloads: readonly Workload[],
    variants: readonly Variant[],
    extra: ExtraFlags,
  ): Promise<MatrixRun> {
    const server = await startServer({ version, settings: SETTINGS });
    const possible = workloads.filter(({ since }) => version >= (since ?? 0));
    return new MatrixRun(server, possible, variants, extra);
  }

  constructor(
    server: TestServer,
    workloads: readonly Workload[],
    variants: readonly Variant[],
    extra: ExtraFlags,
  ) {
    this.server = server;
    this.#extra = extra;
    this.workloads = workloads;
    this.#variants = variants.filter((variant) => runsOn(variant, server.version));
  }

  /** Runs all workloads, behind slots that all wait for the same. */
  async perform(): Promise<void> {
    const { server } = this;
    await server.sql(ORACLE_SETUP);
    for (const workload of this.workloads) await this.#attempt(workload, setUp);
    const found = await server.sql<{ pubname: string }>(
      "SELECT pubname FROM pg_publication ORDER BY pubname",
    );
    this.#publications = found.map(({ pubname }) => pubname);
    for (const { name } of this.#variants) {
      await server.sql(`SELECT pg_create_logical_replication_slot('${slotOf(name)}', 'pgoutput')`);
    }
    for (const workload of this.workloads) {
      if (!this.failures.has(workload)) await this.#attempt(workload, perform);
    }
  }

  async #attempt(workload: Workload, act: typeof perform): Promise<void> {
    await act(this.server, workload).catch(async (cause: unknown) => {
      this.failures.set(workload, new Error(`${workload.name} did not run`, { cause }));
      await this.server.sql("ROLLBACK");
    });
  }

  async said(): Promise<readonly Said[]> {
    this.#said ??= readOracle(this.server);
    return await this.#said;
  }

  /** What the real program prints; once for each way of asking. */
  async stream(variant: Variant): Promise<Stream> {
    const known = this.#streams.get(variant) ?? this.#tail(variant);
    this.#streams.set(variant, known);
    return await known;
  }

  async #tail({ name, flags, except, env }: Variant): Promise<Stream> {
    const wanted = this.#publications.filter((each) => except?.publications.test(each) !== true);
    const publications = wanted.flatMap((publication) => ["-P", publication]);
    const args = [
      "tail",
      "-S",
      slotOf(name),
      ...publications,
      "-E",
      "now",
      "--no-loop",
      "-q",
      ...flags,
    ];
    args.push(...(this.#extra[name] ?? []));
    const options: RunOptions = { server: this.server, env: env ?? {}, timeoutMs: 120_000 };
    const { status, stdout, stderr } = await walctl(args, options);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, RAW_CONTROL);
    this.#schema.assertAll(stdout, name);
    const lines = parseStream(stdout);
    return { output: stdout, lines, fates: fatesOf(lines) };
  }
}

export function runsOn({ since, quick }: Variant, version: ServerVersion): boolean {
  return version >= since && (isThorough() || quick === undefined || quick === version);
}

function slotOf(variant: string): string {
  return `matrix_${variant.replaceAll(/\W/g, "_")}`;
}
