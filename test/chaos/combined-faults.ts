/** What strikes a subject where a crash of the server, a rotation and a kill meet. */
import { existsSync, renameSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FILLER } from "./combined-load.ts";
import type { Fault } from "./faults.ts";
import type { Subject } from "./subject.ts";

const KILL_BEHIND_MS_MAX = 30;
/** After so many rows at most, which is within a large transaction most of the time. */
const ROWS_MAX = 600;
const HELD_MS_MAX = 1500;

/** FILE gets another name; gives whether there was one. */
function rename({ options }: Subject): boolean {
  const { file, rotated } = options;
  if (file === undefined || rotated === undefined || !existsSync(file)) return false;
  const old = `${file}.${rotated.length}`;
  renameSync(file, old);
  rotated.push(old);
  return true;
}

export const COMBINED_FAULTS: readonly Fault[] = [
  {
    name: "killed",
    weight: 40,
    run: async ({ random }, subject) => await subject.restart("SIGKILL", random() * 300),
  },
  {
    name: "cut or killed within a transaction",
    weight: 40,
    run: async ({ random }, subject) => {
      const { proxy } = subject;
      proxy.holdAt(FILLER, 1 + Math.floor(random() * ROWS_MAX));
      await sleep(random() * HELD_MS_MAX);
      if (random() < 0.5) proxy.cut();
      else await subject.restart("SIGKILL", random() * 300);
    },
  },
  {
    name: "frozen while the server crashes",
    weight: 20,
    run: ({ server, random, alone }, subject) =>
      alone(async () => {
        subject.freeze();
        try {
          await (random() < 0.7 ? server.stop("immediate") : server.kill());
          await server.start();
        } finally {
          subject.thaw();
        }
      }),
  },
  {
    name: "frozen",
    weight: 8,
    run: async ({ random }, subject) => {
      subject.freeze();
      await sleep(random() * 4000);
      subject.thaw();
    },
  },
  {
    name: "checkpoint",
    weight: 8,
    run: ({ server, alone }) => alone(async () => void (await server.sql("CHECKPOINT"))),
  },
  {
    name: "FILE rotated",
    weight: 15,
    run: async ({ random }, subject) => {
      if (!rename(subject)) return;
      await sleep(random() < 0.5 ? 0 : random() * 1000);
      subject.signal("SIGHUP");
    },
  },
  {
    name: "FILE rotated and killed right behind",
    weight: 25,
    run: async ({ random }, subject) => {
      if (!rename(subject)) return;
      if (random() < 0.7) subject.signal("SIGHUP");
      await sleep(random() * (random() < 0.5 ? KILL_BEHIND_MS_MAX : 10 * KILL_BEHIND_MS_MAX));
      await subject.restart("SIGKILL", random() * 300);
    },
  },
];
