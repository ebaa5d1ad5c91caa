import { setTimeout as sleep } from "node:timers/promises";
import { findFiles } from "../../capture/wal/find.ts";
import { readLog } from "../../capture/wal/log.ts";
import type { LogEnd, LogListener } from "../../capture/wal/log-parts.ts";
import { type LogPlan, planLog } from "../../capture/wal/plan.ts";
import { PlannedSource } from "../../capture/wal/sources.ts";
import { RecordReader } from "../../wal/reader.ts";
import type { InspectListener } from "./listener.ts";
import { type InspectOptions, readFrom } from "./options.ts";

/** How long to wait before the directory is looked at again. */
const POLL_MS = 250;
/** A page may be read while it is written: what is wrong with it has to be there still so many looks later. */
const LOOKS = 3;

/** Reads a directory that a server writes to, and waits at its end for more. */
export async function followLog(
  folder: string,
  options: InspectOptions,
  listener: InspectListener,
  stop: AbortSignal,
): Promise<LogEnd> {
  const reader = new RecordReader();
  let plan = await planOf(folder, options.timeline);
  listener.check(plan.header);
  // A promotion is followed only where the latest timeline was asked for.
  const timeline = options.timeline === "latest" ? "latest" : plan.timeline;
  let from: number | undefined;
  let faults = 0;
  /** Of looks at the directory, one after the other. */
  let failures = 0;
  /** Damage that has stayed, and has sound records behind it. */
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
      // At a promotion the new timeline's segment is there before its history.
      if (++failures >= LOOKS) throw error;
    }
  }
}

async function planOf(folder: string, timeline: InspectOptions["timeline"]): Promise<LogPlan> {
  const { files, histories } = await findFiles([folder]);
  return planLog(files, { histories, timeline });
}

/** Whether a sound record stands behind a fault: at the end of what is written it is no damage yet. */
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
