import { setTimeout as sleep } from "node:timers/promises";
import { findFiles } from "../../capture/wal/find.ts";
import { readLog } from "../../capture/wal/log.ts";
import type { LogEnd, LogListener } from "../../capture/wal/log-parts.ts";
import { type LogPlan, planLog } from "../../capture/wal/plan.ts";
import { PlannedSource } from "../../capture/wal/sources.ts";
import { RecordReader } from "../../wal/reader.ts";
import type { InspectListener } from "./listener.ts";
import { type InspectOptions, readFrom } from "./options.ts";

/** How long to wait before reading the directory again. */
const POLL_MS = 250;
/** A page may be read while the server writes it: a fault counts only if it is still there after this many looks. */
const LOOKS = 3;

/** Reads a directory that a server writes to, and waits at its end for more WAL. */
export async function followLog(
  folder: string,
  options: InspectOptions,
  listener: InspectListener,
  stop: AbortSignal,
): Promise<LogEnd> {
  const reader = new RecordReader();
  let plan = await planOf(folder, options.timeline);
  listener.check(plan.header);
  // A promotion is followed only with --timeline=latest.
  const timeline = options.timeline === "latest" ? "latest" : plan.timeline;
  let from: number | undefined;
  let faults = 0;
  /** Consecutive failures to read the directory. */
  let failures = 0;
  /** Skip the fault: it has stayed, and valid records follow it. */
  let passOver = false;
  for (;;) {
    const source = new PlannedSource(plan, from ?? readFrom(options.filter));
    const place = from === undefined ? {} : { from };
    const end = await readLog({ source, listener, keepGoing: passOver, stop, ...place }, reader);
    passOver = false;
    if (end.kind === "enough" || stop.aborted) return { kind: "enough" };
    if (end.kind === "fault") {
      faults = end.fault.start === from ? faults + 1 : 1;
      if (faults >= LOOKS && (await goesOnBehind(plan, end.fault.start))) {
        if (!options.keepGoing) return end;
        passOver = true;
      }
    } else faults = 0;
    from = end.kind === "fault" ? end.fault.start : end.position;
    await sleep(POLL_MS, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return { kind: "enough" };
    reader.seek(from, reader.previous);
    try {
      plan = await planOf(folder, timeline);
      failures = 0;
    } catch (error) {
      // After a promotion the new timeline's segment appears before its history file.
      if (++failures >= LOOKS) throw error;
    }
  }
}

async function planOf(folder: string, timeline: InspectOptions["timeline"]): Promise<LogPlan> {
  const { files, histories } = await findFiles([folder]);
  return planLog(files, { histories, timeline });
}

/** Whether a valid record follows the fault. At the end of the written WAL none does: then it is not damage yet. */
async function goesOnBehind(plan: LogPlan, position: number): Promise<boolean> {
  let found = false;
  const listener: LogListener = {
    record: () => {
      found = true;
      return false;
    },
    skipped: () => {},
    flush: () => undefined,
  };
  const reader = new RecordReader();
  reader.seek(position, reader.previous);
  const source = new PlannedSource(plan, position);
  await readLog({ source, listener, keepGoing: true, stop: new AbortController().signal }, reader);
  return found;
}
