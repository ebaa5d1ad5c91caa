/** The stream of a real server, in which somebody puts what is not the server's. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { PROGRAM, childEnvironment } from "../program/cli.ts";
import {
  type Random,
  claiming,
  hostileMessage,
  message,
  pick,
} from "../server/hostile-messages.ts";
import { seededRandom } from "../tools/random.ts";
import type { TestServer } from "../server/server.ts";
import { until } from "../tools/until.ts";

const PASSWORD = "hush-4711-geheim";
const COPY_BOTH = 0x57; // W
/** With the start of the program, on a machine that has other things to do. */
const ROUND_MS = 15_000;
const MEMORY_MB = 300;

interface Intruder {
  readonly port: number;
  /** What the program sent since the stream began. */
  sent(): Buffer;
  close(): void;
}

/** Passes all on, and from the server's CopyBothResponse on sends the client what `intrude` makes of it. */
async function startIntruder(
  server: TestServer,
  intrude: (client: Socket, genuine: Buffer) => void,
): Promise<Intruder> {
  const sent: Buffer[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(`${server.host}/.s.PGSQL.${server.port}`);
    let streaming = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    client.on("data", (chunk: Buffer) => {
      if (streaming) sent.push(chunk);
      upstream.write(chunk);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    upstream.on("data", (chunk: Buffer) => {
      if (streaming || chunk[0] !== COPY_BOTH) return void client.write(chunk);
      streaming = true;
      const length = 1 + chunk.readUInt32BE(1);
      client.write(chunk.subarray(0, length));
      intrude(client, chunk.subarray(length));
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    sent: () => Buffer.concat(sent),
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

/** CopyData with XLogData or a keepalive in it that has gone wrong somewhere. */
function hostilePayload(random: Random): Buffer {
  const header = `w${"\0".repeat(24)}`;
  const tag = pick(random, "BCORYIUDTMSEcAbPKrp?\0".split(""));
  const noise = Buffer.from(
    Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)),
  );
  const relation = Buffer.from(
    "R\0\0\0\x07public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0v\0\0\0\x03\xef\xff\xff\xff\xff",
    "latin1",
  );
  const insert = Buffer.from("I\0\0\0\x07N\0\x02t\0\0\0\x05{1,,2t\0\0\0\x04\x1b[\x9b1", "latin1");
  return pick(random, [
    () => message("d"),
    () => message("d", "w"),
    () => message("d", "k\0\0"),
    () => message("d", "z\0\0\0\0"),
    () => message("d", Buffer.concat([Buffer.from(header), Buffer.from(tag), noise])),
    () => message("d", Buffer.concat([Buffer.from(header), relation])),
    () =>
      Buffer.concat([
        message("d", Buffer.concat([Buffer.from(header), relation])),
        message("d", Buffer.concat([Buffer.from(header), insert])),
      ]),
    () => claiming("d", pick(random, [0, 3, 0x7fffffff, 0xf0000000, 0xffffffff]), header),
  ])();
}

export interface StreamFuzz {
  readonly server: TestServer;
  readonly seed: number;
  readonly rounds: number;
}

/** The slot is never advanced: each round has the same stream to begin with. */
export async function fuzzStreams({ server, seed, rounds }: StreamFuzz): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const random = seededRandom(seed * 100_003 + round);
    const script = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
      random() < 0.5 ? hostilePayload(random) : hostileMessage(random),
    );
    await checkStream(server, `seed ${seed}, round ${round}`, (client, genuine) => {
      if (random() < 0.5) client.write(genuine);
      for (const bytes of script) client.write(bytes);
      if (random() < 0.5) client.end();
      else setTimeout(() => client.end(), 200);
    });
  }
}

/** One run of tail: an end within seconds, at most one error in one line, and valid lines on standard output. */
export async function checkStream(
  server: TestServer,
  where: string,
  intrude: (client: Socket, genuine: Buffer) => void,
): Promise<string> {
  const intruder = await startIntruder(server, intrude);
  const args = ["tail", "-S", "fuzzed", "-P", "fuzzed", "-F", "ndjson", "--no-loop"];
  const env = { PGHOST: "127.0.0.1", PGPORT: String(intruder.port), PGSSLMODE: "disable" };
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: childEnvironment({ server, env: { ...env, PGPASSWORD: PASSWORD } }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let peakKb = 0;
  const watch = setInterval(() => (peakKb = Math.max(peakKb, peakOf(child.pid))), 10);
  const late = setTimeout(() => child.kill("SIGKILL"), ROUND_MS);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  clearInterval(watch);
  clearTimeout(late);
  intruder.close();
  assert.notEqual(child.signalCode, "SIGKILL", `${where}: did not end`);
  assert.ok(peakKb / 1024 < MEMORY_MB, `${where}: ${peakKb} kB`);
  assert.ok(!intruder.sent().includes(PASSWORD), `${where}: the password was sent`);
  checkErrors(stderr, where);
  for (const line of stdout.split("\n").slice(0, -1)) {
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f]/, `${where}: ${line}`);
    assert.equal(typeof JSON.parse(line), "object", where);
  }
  await slotIsFree(server);
  return stderr;
}

function checkErrors(stderr: string, where: string): void {
  assert.ok((stderr.match(/^walctl: error: /gm) ?? []).length <= 1, `${where}: ${stderr}`);
  assert.doesNotMatch(stderr, /internal error|^ +at |\bnode:|undefined/m, `${where}: ${stderr}`);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(stderr, /[\0-\x09\x0b-\x1f\x7f-\x9f]/, `${where}: ${stderr}`);
  for (const line of stderr.split("\n"))
    assert.match(line, /^(walctl: |DETAIL: |HINT: |TIME: |$)/, `${where}: ${stderr}`);
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0,
    );
  } catch {
    return 0;
  }
}

async function slotIsFree(server: TestServer): Promise<void> {
  const active = "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'fuzzed' AND active";
  await until(async () => (await server.sql(active)).length === 0);
}
