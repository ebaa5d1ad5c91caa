/** Everything that can go wrong on one machine, each with how often it is chosen. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestServer } from "../support/server/server.ts";
import { FILE_FAULTS } from "./file-faults.ts";
import { SERVER_ERROR_FAULTS } from "./server-errors.ts";
import { STALLED_READER_FAULTS } from "./stalled-reader.ts";
import { SLOT_FAULTS } from "./slot-moved.ts";
import type { Subject } from "./subject.ts";
import type { ChaosLoad } from "./workload.ts";

export interface FaultScene {
  readonly server: TestServer;
  readonly load: ChaosLoad;
  readonly subjects: readonly Subject[];
  /** As Math.random. */
  readonly random: () => number;
  /** Runs `body` while nobody else asks the server or stops it. */
  readonly alone: (body: () => Promise<void>) => Promise<void>;
}

export interface Fault {
  readonly name: string;
  readonly weight: number;
  /** It is over when this is fulfilled. */
  run(scene: FaultScene, subject: Subject): Promise<void>;
}

const network = (
  name: string,
  weight: number,
  run: (subject: Subject, random: () => number) => Promise<void> | void,
): Fault => ({
  name,
  weight,
  run: async ({ random }, subject) => {
    await run(subject, random);
  },
});

/** They pass, and a subject of any kind goes on after them. */
export const PASSING_FAULTS: readonly Fault[] = [
  network("connection cut", 10, ({ proxy }) => proxy.cut()),
  network("connection cut after some bytes", 6, ({ proxy }, random) => {
    // From within the start-up to within a transaction.
    proxy.cutAfter(Math.floor(10 ** (1 + 5 * random())));
    proxy.cut();
  }),
  network("half-closed by the client", 4, ({ proxy }) => proxy.halfClose("client")),
  network("half-closed by the server", 4, ({ proxy }) => proxy.halfClose("server")),
  network("delays", 4, async ({ proxy }, random) => {
    proxy.delay(5 + random() * 100);
    await sleep(1500);
    proxy.delay(0);
  }),
  network("network stalls", 4, async ({ proxy }, random) => {
    proxy.stall();
    await sleep(random() * 5000);
    if (random() < 0.5) proxy.cut();
    proxy.flow();
  }),
  network("byte by byte", 5, async ({ proxy }, random) => {
    proxy.bytewise(1 + Math.floor(random() * 200));
    await sleep(1500);
    proxy.bytewise(0);
  }),
  network("connections refused", 4, async ({ proxy }, random) => {
    proxy.refusing = true;
    proxy.cut();
    await sleep(random() * 1500);
    proxy.refusing = false;
  }),
  network("reader stalls", 8, async (subject, random) => {
    subject.stall();
    await sleep(random() * 4000);
    subject.resume();
  }),
  network("reader trickles", 4, async (subject) => {
    for (let step = 0; step < 20; step++) {
      subject.stall();
      await sleep(70);
      subject.resume();
      await sleep(3);
    }
  }),
  network("walctl killed", 8, (subject, random) => subject.restart("SIGKILL", random() * 500)),
  network("walctl told to end", 5, (subject, random) =>
    subject.restart(random() < 0.5 ? "SIGTERM" : "SIGINT", random() * 500),
  ),
  network("signals that ask", 4, (subject, random) =>
    subject.signal(random() < 0.5 ? "SIGUSR1" : "SIGHUP"),
  ),
  ...(["fast", "smart", "immediate"] as const).map((mode): Fault => ({
    name: `server restarted, ${mode}`,
    weight: 1,
    run: ({ server, load, random, alone }) =>
      alone(async () => {
        if (mode === "smart") await load.pause();
        await server.stop(mode);
        await sleep(random() * 1000);
        await server.start();
        load.resume();
      }),
  })),
  {
    name: "server killed",
    weight: 1,
    run: ({ server, alone }) =>
      alone(async () => {
        await server.kill();
        await server.start();
      }),
  },
  {
    name: "walsenders terminated",
    weight: 2,
    run: ({ server, alone }) =>
      alone(async () => {
        await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
      }),
  },
  ...SERVER_ERROR_FAULTS,
];

export const FAULTS: readonly Fault[] = [
  ...FILE_FAULTS,
  ...SLOT_FAULTS,
  ...PASSING_FAULTS,
  ...STALLED_READER_FAULTS,
];

export function chooseFault(faults: readonly Fault[], random: () => number): Fault {
  let left = random() * faults.reduce((sum, { weight }) => sum + weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new RangeError("random() gave 1 or more");
}
