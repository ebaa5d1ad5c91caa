/** A steady load with bursts, for as long as wanted: the memory of tail stays where it is, and nothing is lost. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { INVALID_LSN, type Lsn, formatLsn, parseLsn } from "../../src/lsn.ts";
import { PROGRAM, childEnvironment } from "../support/program/cli.ts";
import { parseLines } from "../support/program/lines.ts";
import { highWaterMarkKb, memoryKb } from "../support/program/memory.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { SOAK_TABLES, SoakLoad } from "./soak-load.ts";

export interface SoakOptions {
  readonly version: ServerVersion;
  readonly seed: number;
  readonly durationMs: number;
}

export interface SoakReport {
  readonly transactions: number;
  readonly changes: number;
  readonly subjects: readonly SoakSubject[];
}

interface SoakSubject {
  readonly name: string;
  readonly peakMb: number;
  /** The most that was resident in each third of the time. */
  readonly thirdsMb: readonly number[];
  /** Empty: all is well. */
  readonly wrong: readonly string[];
}

const PEAK_MB_MAX = 100;
/**
 * How much higher the last third may be than the second. More is growth that goes on; less may be garbage: a full
 * collection after seven minutes freed 4 MB, of the table's heap 8.
 */
const GROWTH_MB_MAX = 8;
/** In less time V8 is still about to find its sizes. */
const GROWTH_MS_MIN = 180_000;
const SAMPLE_MS = 250;
const CATCH_UP_MS = 60_000;
const KB_PER_MB = 1024;
const WRONG_MAX = 20;
const LAST_ID = 0;
const LAST_FILLER = "the last one";
const LAST_ROW = `INSERT INTO soak (writer, id, bytes, filler) VALUES (0, ${LAST_ID}, 12, '${LAST_FILLER}')`;

export async function runSoak({ version, seed, durationMs }: SoakOptions): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-soak-"));
  const server = await startServer({ version });
  const tails: Tail[] = [];
  try {
    await server.sql(SOAK_TABLES);
    const load = new SoakLoad(seed);
    const ndjson = new NdjsonReader(load);
    const table = new TableReader();
    for (const reader of [ndjson, table]) {
      await server.sql(`SELECT pg_create_logical_replication_slot('${reader.name}', 'pgoutput')`);
      tails.push(new Tail(folder, server, reader));
    }
    const sampling = setInterval(() => tails.forEach((tail) => tail.sample()), SAMPLE_MS);
    await load.run(server, durationMs).finally(() => clearInterval(sampling));
    await server.sql(LAST_ROW);
    for (const tail of tails) await tail.finish();
    table.compare(ndjson.xids);
    for (const { name, wrong } of [ndjson, table]) {
      const sql = `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${name}'`;
      const [slot] = await server.sql<{ lsn: string }>(sql);
      if ((parseLsn(slot?.lsn ?? "") ?? INVALID_LSN) < ndjson.end)
        wrong.push(`the slot stands at ${slot?.lsn}: not all is acknowledged`);
    }
    return {
      transactions: load.transactions,
      changes: load.changes,
      subjects: tails.map((tail) => tail.report()),
    };
  } finally {
    for (const tail of tails) tail.kill();
    await server.dispose();
    rmSync(folder, { recursive: true });
  }
}

/** What reads the lines that a tail prints, and finds what is wrong with them. */
interface Reader {
  readonly name: string;
  readonly args: readonly string[];
  readonly wrong: string[];
  /** Whether the last transaction was printed. */
  readonly finished: boolean;
  take(line: string): void;
}

class NdjsonReader implements Reader {
  readonly name = "ndjson";
  readonly args: readonly string[] = [];
  readonly wrong: string[] = [];
  /** Of transactions with changes, in commit order. */
  readonly xids: number[] = [];
  readonly #load: SoakLoad;
  /** Of the last transaction. */
  end: Lsn = INVALID_LSN;
  finished = false;
  #lastRow = false;

  constructor(load: SoakLoad) {
    this.#load = load;
  }

  take(text: string): void {
    const [line] = parseLines([text]);
    const row = line?.new ?? line?.key;
    if (line === undefined) return;
    if (line.kind === "commit") {
      const end = parseLsn(line.end_lsn ?? "") ?? INVALID_LSN;
      if (end <= this.end) this.#complain(`after ${formatLsn(this.end)}: ${text}`);
      this.end = end;
      this.xids.push(line.xid ?? 0);
      this.finished = this.#lastRow;
      return;
    }
    if (row === undefined) return;
    if (row["id"] === LAST_ID) {
      this.#lastRow = true;
      if (this.#load.unseen > 0) this.wrong.push(`${this.#load.unseen} changes are missing`);
    } else if (!this.#load.sees(line.kind, Number(row["writer"]), Number(row["id"]))) {
      this.#complain(`out of turn: ${text}`);
    } else if (line.new !== undefined && String(row["filler"]).length !== row["bytes"]) {
      this.#complain(`not whole: ${text}`);
    }
  }

  /** Behind a change that is missing, all of its writer's are out of turn. */
  #complain(what: string): void {
    if (this.wrong.length < WRONG_MAX) this.wrong.push(what.slice(0, 200));
  }
}

class TableReader implements Reader {
  readonly name = "table";
  readonly args = ["-F", "table"];
  readonly wrong: string[] = [];
  readonly #xids: number[] = [];
  finished = false;

  take(line: string): void {
    const xid = /^\d\d:\d\d:\d\d +(\d+) /.exec(line)?.[1];
    if (xid !== undefined) this.#xids.push(Number(xid));
    this.finished ||= line.includes(LAST_FILLER);
  }

  /** Each transaction has its first line, once and in its turn. */
  compare(xids: readonly number[]): void {
    const at = xids.findIndex((xid, index) => xid !== this.#xids[index]);
    if (at !== -1) this.wrong.push(`transaction ${this.#xids[at]} in place of ${xids[at]}`);
    else if (this.#xids.length > xids.length) this.wrong.push("more transactions than there are");
  }
}

/** A tail whose output goes through a real pipe. */
class Tail {
  readonly #reader: Reader;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #samplesKb: number[] = [];
  #peakKb = 0;
  #stderr = "";

  constructor(folder: string, server: TestServer, reader: Reader) {
    this.#reader = reader;
    const path = join(folder, reader.name);
    execFileSync("mkfifo", [path]);
    // What spawn() calls a pipe is a pair of sockets.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const output = openSync(path, "w");
    const args = ["tail", "-S", reader.name, "-P", "p", "--ack", "--no-loop", ...reader.args];
    this.#child = spawn(process.execPath, [PROGRAM, ...args], {
      env: childEnvironment({ server }),
      stdio: ["ignore", output, "pipe"],
    });
    closeSync(output);
    this.#closed = once(this.#child, "close");
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    const input = new Socket({ fd, readable: true, writable: false });
    createInterface({ input }).on("line", (line) => reader.take(line));
  }

  sample(): void {
    const { pid } = this.#child;
    this.#samplesKb.push(memoryKb(pid, "VmRSS"));
    this.#peakKb = Math.max(this.#peakKb, highWaterMarkKb(pid));
  }

  /** Waits until everything is printed, and stops it. */
  async finish(): Promise<void> {
    const { wrong } = this.#reader;
    const deadline = performance.now() + CATCH_UP_MS;
    while (!this.#reader.finished && performance.now() < deadline) await sleep(100);
    if (!this.#reader.finished) wrong.push("the last transaction is missing");
    this.sample();
    this.#child.kill("SIGTERM");
    const [status] = (await this.#closed) as [number | null];
    if (status !== 0) wrong.push(`exit status ${status}: ${this.#stderr.slice(-500)}`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  report(): SoakSubject {
    const { name, wrong } = this.#reader;
    const peakMb = this.#peakKb / KB_PER_MB;
    const thirdsMb = [0, 1, 2].map((third) => this.#thirdMb(third));
    const [, second = 0, last = 0] = thirdsMb;
    if (peakMb >= PEAK_MB_MAX) wrong.push(`${peakMb.toFixed(0)} MB at its peak`);
    if (this.#samplesKb.length * SAMPLE_MS >= GROWTH_MS_MIN && last > second + GROWTH_MB_MAX) {
      wrong.push(`grew from ${second.toFixed(0)} to ${last.toFixed(0)} MB`);
    }
    return { name, peakMb, thirdsMb, wrong };
  }

  #thirdMb(third: number): number {
    const { length } = this.#samplesKb;
    const part = this.#samplesKb.slice((length * third) / 3, (length * (third + 1)) / 3);
    return Math.max(0, ...part) / KB_PER_MB;
  }
}
