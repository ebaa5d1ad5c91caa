/**
 * What walctl prints of everything there is to read here, as sha256 sums: before and after a change that must change
 * nothing.
 *
 *   npm run fingerprint -- corpus FOLDER    writes WAL and catalogue files of the workloads, for each installed version
 *   npm run fingerprint -- sums FOLDER      prints the sums of the captures in fixtures and of that corpus, to be
 *                                           compared by diff
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ORACLE_SETUP } from "../../matrix/support/oracle.ts";
import { perform, setUp } from "../../matrix/support/workload.ts";
import { WORKLOADS } from "../../matrix/workloads/all.ts";
import { PROGRAM, walctl } from "../program/cli.ts";
import { type ServerVersion, installedVersions, startServer } from "../server/server.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const WIDTHS = [40, 80, 120, 200];
const START_MS = Date.now();
const LEVELS = ["replica", "logical"];

async function main([action, folder]: readonly string[]): Promise<void> {
  if (folder === undefined || (action !== "corpus" && action !== "sums"))
    throw new Error("fingerprint corpus FOLDER, or fingerprint sums FOLDER");
  if (action === "sums") return await printSums(folder);
  for (const version of installedVersions())
    for (const level of LEVELS)
      await writeCorpus(version, level, join(folder, `${version}-${level}`));
}

async function writeCorpus(version: ServerVersion, level: string, folder: string): Promise<void> {
  const settings = { wal_level: level, max_wal_size: "4GB", max_prepared_transactions: "10" };
  const server = await startServer({ version, settings });
  try {
    mkdirSync(folder, { recursive: true });
    const catalog = async (name: string): Promise<void> => {
      const { status, stderr } = await walctl(["catalog", "-q", "-o", join(folder, name)], {
        server,
      });
      if (status !== 0) throw new Error(stderr);
    };
    await server.sql(ORACLE_SETUP);
    const ready = [];
    for (const workload of WORKLOADS.filter(({ since }) => version >= (since ?? 0)))
      if (await succeeds(setUp(server, workload))) ready.push(workload);
    await server.sql("CHECKPOINT");
    await catalog("early.catalog");
    // A workload that publishes what has no replica identity fails at its first update.
    for (const workload of ready) await succeeds(perform(server, workload));
    await server.sql("RESET ALL");
    await catalog("late.catalog");
    await server.sql("SELECT pg_switch_wal()");
    cpSync(join(server.host, "data", "pg_wal"), join(folder, "wal"), { recursive: true });
  } finally {
    await server.dispose();
  }
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  );
}

/** One run of walctl. `cwd`: so that no path of this machine is in what it prints. */
interface Run {
  readonly cwd: string;
  readonly args: readonly string[];
}

async function printSums(folder: string): Promise<void> {
  const runs = [...runsOfFixtures(), ...runsOfCorpus(folder)];
  const sums: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < runs.length; index = next++) {
      const run = runs[index];
      if (run !== undefined) sums[index] = `${await sumOf(run)}  ${run.args.join(" ")}`;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  writeFileSync(process.stdout.fd, `${sums.join("\n")}\n`);
}

function* runsOfFixtures(): Iterable<Run> {
  for (const room of ["captures", "malformed", "wal2json"]) {
    const cwd = join(ROOT, "fixtures");
    for (const name of readdirSync(join(cwd, room)).toSorted()) {
      if (/\.(txt|sql)$/.test(name) && room !== "captures") continue;
      const decode = ["decode-file", join(room, name)];
      for (const format of changeFormats()) yield { cwd, args: [...decode, ...format] };
      yield { cwd, args: [...decode, "--keep-going"] };
      yield { cwd, args: [...decode, "--only", "update,delete", "--no-empty"] };
      yield { cwd, args: [...decode, "-F", "table", "--collapse", "1", "--time", "relative"] };
    }
  }
}

function* runsOfCorpus(folder: string): Iterable<Run> {
  for (const name of existsSync(folder) ? readdirSync(folder).toSorted() : []) {
    const cwd = join(folder, name);
    for (const catalog of ["early", "late"]) {
      const decode = ["decode-file", "-q", "--catalog", `${catalog}.catalog`, "wal", "--messages"];
      for (const old of ["logged", "full"])
        yield { cwd, args: [...decode, "--old", old, "--aborted"] };
      if (catalog === "late")
        for (const format of changeFormats())
          yield { cwd, args: [...decode, "--old", "full", ...format] };
    }
    for (const format of [[], ...tables()]) yield { cwd, args: ["inspect", "wal", ...format] };
    for (const by of ["record", "rmgr", "table"])
      yield {
        cwd,
        args: ["inspect", "wal", `--stats=${by}`, "--catalog", "late.catalog", "-F", "table"],
      };
    yield { cwd, args: ["inspect", "wal", "--full-page-images", "--catalog", "late.catalog"] };
  }
}

function* changeFormats(): Iterable<readonly string[]> {
  yield* tables();
  for (const format of ["ndjson", "wal2json", "debezium", "sql"]) yield ["-F", format];
  yield ["-F", "sql", "--undo", "--checked"];
  yield ["-F", "ndjson", "--values", "text"];
  yield ["-F", "ndjson", "--safe-numbers"];
  yield ["--summary", "-F", "ndjson"];
  yield ["--summary", "-F", "table", "--width", "80"];
}

function* tables(): Iterable<readonly string[]> {
  for (const width of WIDTHS) yield ["-F", "table", "--width", `${width}`, "--color", "always"];
  yield ["-F", "table", "--expanded", "--width", "80"];
}

/** Of status, output and errors. */
async function sumOf({ cwd, args }: Run): Promise<string> {
  const env = { ...process.env, TZ: "UTC", LANG: "C.UTF-8", COLUMNS: "100" };
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = createHash("sha256");
  const errors = createHash("sha256");
  // Only Debezium's lines say when they were made.
  const chunks: Buffer[] = [];
  const isTimed = args.includes("debezium");
  child.stdout.on("data", (chunk: Buffer) => (isTimed ? chunks.push(chunk) : output.update(chunk)));
  child.stderr.on("data", (chunk: Buffer) => errors.update(chunk));
  const status = await new Promise((resolve) => child.once("close", resolve));
  const timeless = Buffer.concat(chunks)
    .toString("latin1")
    .replaceAll(/(?<="ts_[mun]s":)(\d{13})\d*/g, (time, ms) =>
      Number(ms) < START_MS ? time : "0",
    );
  output.update(timeless);
  const whole = createHash("sha256").update(String(status)).update(output.digest());
  return whole.update(errors.digest()).digest("hex");
}

await main(process.argv.slice(2));
