/** What others do to the FILE of --output while tail writes it. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./faults.ts";
import { readOutput } from "./output-file.ts";
import type { Subject } from "./subject.ts";

/** Ends tail, since what only the deleted file holds must not be acknowledged. */
export const DELETED = /^walctl: error: ".*" was deleted while it was being written$/m;

/** Of a subject whose FILE may be taken away; to others nothing happens. */
const toFile = (
  name: string,
  weight: number,
  run: (subject: Subject, file: string, random: () => number) => Promise<void> | void,
): Fault => ({
  name,
  weight,
  run: async ({ random }, subject) => {
    const { file, retired } = subject.options;
    if (file !== undefined && retired !== undefined && existsSync(file)) {
      await run(subject, file, random);
    }
  },
});

export const FILE_FAULTS: readonly Fault[] = [
  toFile("FILE rotated", 12, (subject, file) => {
    const old = `${file}.${subject.options.retired?.length}`;
    renameSync(file, old);
    subject.options.retired?.push(() => readOutput(old));
    subject.signal("SIGHUP");
  }),
  toFile("FILE renamed, SIGHUP later", 8, async (subject, file, random) => {
    const old = `${file}.${subject.options.retired?.length}`;
    renameSync(file, old);
    subject.options.retired?.push(() => readOutput(old));
    await sleep(random() * 3000);
    subject.signal("SIGHUP");
  }),
  toFile("FILE deleted", 12, (subject, file) => {
    // While it stands still, what is there is known: all after that must come again.
    subject.freeze();
    const there = readOutput(file);
    rmSync(file);
    subject.thaw();
    subject.options.retired?.push(() => there);
  }),
];
