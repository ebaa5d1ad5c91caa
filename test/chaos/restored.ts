/**
 * A server that is restored, again and again and at any moment, from a copy of its data directory that was taken
 * earlier in the run: what is missing has to be said, and what the server has now must all be printed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl } from "../support/program/cli.ts";
import { DataCopy } from "../support/server/data-copy.ts";
import { insertedIds, parseLines } from "../support/program/lines.ts";
import { FaultProxy } from "../support/server/proxy.ts";
import { seededRandom } from "../support/tools/random.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";

export interface RestoredOptions {
  readonly version: ServerVersion;
  readonly seed: number;
  readonly rounds: number;
  readonly log: (line: string) => void;
}

const SAID =
  /^walctl: (error|warning): (the server is at .*, and changes up to|the server's log is not the one|the server does not have all|slot ".*" is at .*, beyond)/m;
const CATCH_UP_MS = 30_000;

/** All that is wrong: nothing, if all is well. */
export async function runRestored(options: RestoredOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-restored-"));
  const server = await startServer({ version: options.version });
  const random = seededRandom(options.seed);
  const found: string[] = [];
  try {
    await server.sql(
      "CREATE TABLE load (id bigint PRIMARY KEY); CREATE TABLE other (id bigint); CREATE PUBLICATION p FOR TABLE load",
    );
    for (let round = 0; round < options.rounds; round++) {
      const scene = new Scene(server, random, round, folder);
      const wrong = await scene.run();
      options.log(`round ${round}: ${scene.story}`);
      for (const each of wrong) found.push(`round ${round} (${scene.story}): ${each}`);
    }
    return found;
  } finally {
    await server.dispose();
    rmSync(folder, { recursive: true });
  }
}

class Scene {
  readonly #server: TestServer;
  readonly #random: () => number;
  readonly #slot: string;
  readonly #args: readonly string[];
  readonly #file: string | undefined;
  readonly #printed = new Set<number>();
  readonly story: string;
  readonly #killed: boolean;
  readonly #promoted: boolean;
  #next: number;

  constructor(server: TestServer, random: () => number, round: number, folder: string) {
    this.#server = server;
    this.#random = random;
    this.#slot = `s${round}`;
    this.#next = (round + 1) * 1_000_000;
    this.#file = random() < 0.5 ? join(folder, this.#slot) : undefined;
    // Of a pipe the next process does not know what was read from it.
    this.#killed = this.#file !== undefined && random() < 0.5;
    this.#promoted = random() < 0.3;
    const ack = random() < 0.6;
    const output = this.#file === undefined ? [] : ["-o", this.#file];
    this.#args = [
      "tail",
      "-S",
      this.#slot,
      "-P",
      "p",
      "--wait",
      ...(ack ? ["--ack"] : []),
      ...output,
    ];
    this.story = [
      ack ? "--ack" : "no --ack",
      this.#file === undefined ? "pipe" : "FILE",
      this.#killed ? "restarted" : "reconnected",
      this.#promoted ? "promoted" : "same timeline",
    ].join(", ");
  }

  async run(): Promise<readonly string[]> {
    const server = this.#server;
    await server.sql(`SELECT pg_create_logical_replication_slot('${this.#slot}', 'pgoutput')`);
    const proxy = await FaultProxy.start(server, { unix: true });
    let running = this.#spawn(proxy);
    let copy: DataCopy | undefined;
    try {
      await this.#write(1 + this.#upTo(20));
      await this.#catchUp(running);
      copy = await DataCopy.take(server);
      const lost = await this.#write(this.#upTo(20));
      if (this.#random() < 0.8) await this.#catchUp(running);
      proxy.refusing = true;
      proxy.cut();
      if (this.#killed) await this.#end(running, "SIGKILL");
      await copy.restore({ promoted: this.#promoted });
      await this.#write(this.#upTo(40));
      if (this.#random() < 0.5) {
        await server.sql(`INSERT INTO other SELECT generate_series(1, ${this.#upTo(20_000)})`);
      }
      proxy.refusing = false;
      if (this.#killed) running = this.#spawn(proxy);
      const said = await this.#settle(running, proxy);
      return await this.#verdict(lost, said);
    } finally {
      await running.dispose();
      copy?.dispose();
      await proxy.close();
      await server.sql(
        `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${this.#slot}'`,
      );
      await sleep(200);
      await server.sql(`SELECT pg_drop_replication_slot('${this.#slot}')`);
    }
  }

  /** Until all is printed, or the process has said what is missing and another one has gone on. Gives what was said. */
  async #settle(running: RunningWalctl, proxy: FaultProxy): Promise<string> {
    if (await this.#catchUp(running)) {
      await this.#end(running, "SIGTERM");
      return running.stderr;
    }
    const { stderr } = await this.#end(running, "SIGTERM");
    const next = this.#spawn(proxy, ["--allow-gap"]);
    await this.#catchUp(next);
    await this.#end(next, "SIGTERM");
    return stderr + next.stderr;
  }

  /** All that the server has was printed; what was printed that it lacks is said to be a gap. */
  async #verdict(lost: readonly number[], said: string): Promise<readonly string[]> {
    const wrong: string[] = [];
    const there = await this.#ids();
    const missing = there.filter((id) => !this.#printed.has(id));
    if (missing.length > 0) wrong.push(`not printed: ${missing.join()}; ${said.slice(-500)}`);
    const printedInVain = lost.filter((id) => this.#printed.has(id) && !there.includes(id));
    if (printedInVain.length > 0 && !SAID.test(said)) {
      wrong.push(
        `${printedInVain.join()} were printed and are not there, and nothing is said: ${said}`,
      );
    }
    return wrong;
  }

  #spawn(proxy: FaultProxy, more: readonly string[] = []): RunningWalctl {
    return spawnWalctl([...this.#args, ...more], { server: this.#server, env: proxy.env });
  }

  async #end(running: RunningWalctl, signal: NodeJS.Signals): Promise<{ readonly stderr: string }> {
    const ended = await running.stop(signal);
    this.#read(running);
    return ended;
  }

  #upTo(count: number): number {
    return Math.ceil(this.#random() * count);
  }

  async #write(count: number): Promise<number[]> {
    const ids: number[] = [];
    for (let row = 0; row < count; row++) {
      const id = this.#next++;
      await this.#server.sql(`INSERT INTO load VALUES (${id})`);
      ids.push(id);
    }
    return ids;
  }

  async #ids(): Promise<number[]> {
    const from = Math.floor(this.#next / 1_000_000) * 1_000_000;
    const rows = await this.#server.sql<{ id: string }>(
      `SELECT id FROM load WHERE id >= ${from} ORDER BY id`,
    );
    return rows.map(({ id }) => Number(id));
  }

  /** Whether it has printed all that is there; not, when it has ended. */
  async #catchUp(running: RunningWalctl): Promise<boolean> {
    const ids = await this.#ids();
    const deadline = Date.now() + CATCH_UP_MS;
    while (Date.now() < deadline) {
      this.#read(running);
      if (ids.every((id) => this.#printed.has(id))) return true;
      if (running.child.exitCode !== null) return false;
      await sleep(50);
    }
    return false;
  }

  #read(running: RunningWalctl): void {
    const lines = this.#file === undefined ? running.lines.splice(0) : wholeLines(this.#file);
    for (const id of insertedIds(parseLines(lines))) this.#printed.add(id);
  }
}

function wholeLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}
