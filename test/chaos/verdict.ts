/** Whether what was printed is what happened. */
import type { Subject } from "./subject.ts";
import type { PrintedTransaction, Transcript } from "./transcript.ts";
import type { TrueTransaction } from "./workload.ts";

/** All that is wrong with a subject: nothing, if the guarantees hold. */
export function faultsOf(subject: Subject, truth: readonly TrueTransaction[]): readonly string[] {
  const order = new Map(truth.map(({ xid }, index) => [xid, index]));
  const found = [...subject.complaints];
  const { file, retired } = subject.options;
  const outputs = subject.outputs();
  /** What is said to be missing may be. */
  const excused = (real: TrueTransaction | undefined): boolean =>
    real !== undefined &&
    subject.gaps.some(({ after, upTo }) => real.endLsn > after && real.endLsn <= upTo);
  for (const [index, transcript] of outputs.entries()) {
    const where = file === undefined ? `process ${index}` : "FILE";
    for (const fault of outputFaults(transcript, truth, order, excused)) {
      found.push(`${where}: ${fault}`);
    }
  }
  const losses = lossesOf(
    outputs,
    truth.filter((real) => !excused(real)),
  );
  // Which bytes of FILE were there at a time is not known where it was taken away.
  if (retired !== undefined) return [...subject.complaints, ...losses];
  return [...found, ...losses, ...sampleFaults(subject, outputs, truth, excused)];
}

type Excused = (real: TrueTransaction | undefined) => boolean;

/** Once each, whole, and in commit order without a gap. */
function outputFaults(
  transcript: Transcript,
  truth: readonly TrueTransaction[],
  order: ReadonlyMap<number, number>,
  excused: Excused,
): readonly string[] {
  const found = transcript.twice.slice(0, 3).map((what) => `twice: ${what}`);
  let expected: number | undefined;
  for (const printed of transcript.committed) {
    const index = order.get(printed.xid);
    if (index === undefined) {
      found.push(`transaction ${printed.xid} was not committed`);
      continue;
    }
    while (expected !== undefined && expected < index && excused(truth[expected])) expected++;
    if (expected !== undefined && index !== expected) {
      found.push(`transaction ${printed.xid} is ${index}th, not ${expected}th`);
    }
    expected = index + 1;
    const difference = contentFault(printed, truth[index]);
    if (difference !== undefined) found.push(difference);
  }
  return found;
}

function contentFault(
  printed: PrintedTransaction,
  real: TrueTransaction | undefined,
): string | undefined {
  if (real === undefined || printed.endLsn !== real.endLsn) {
    return `transaction ${printed.xid} ends elsewhere`;
  }
  const reals = new Set(real.ids);
  const prints = new Set(printed.ids);
  const missing = real.ids.filter((id) => !prints.has(id)).length;
  const extra = printed.ids.filter((id) => !reals.has(id)).length;
  if (missing === 0 && extra === 0 && printed.ids.length === real.ids.length) return undefined;
  return `transaction ${printed.xid} of ${real.ids.length} rows: ${missing} missing, ${extra} that were rolled back, ${printed.ids.length} printed`;
}

function lossesOf(
  outputs: readonly Transcript[],
  truth: readonly TrueTransaction[],
): readonly string[] {
  const printed = new Set(outputs.flatMap(({ committed }) => committed.map(({ xid }) => xid)));
  const lost = truth.filter(({ xid }) => !printed.has(xid)).map(({ xid }) => xid);
  return lost.length === 0 ? [] : [`lost: ${lost.length} transactions, ${lost.slice(0, 5).join()}`];
}

/** Nothing was confirmed that had not been written by then. */
function sampleFaults(
  subject: Subject,
  outputs: readonly Transcript[],
  truth: readonly TrueTransaction[],
  excused: Excused,
): readonly string[] {
  const found: string[] = [];
  const toFile = subject.options.file !== undefined;
  const printedAt = firstPrinted(outputs, toFile);
  for (const { confirmed, process, fileBytes } of subject.samples) {
    const due = truth.findLast(({ endLsn }) => endLsn <= confirmed);
    if (due === undefined || excused(due)) continue;
    const at = printedAt.get(due.xid) ?? Infinity;
    if (at > (toFile ? fileBytes : process))
      found.push(`transaction ${due.xid} was confirmed before it was written`);
  }
  return found.slice(0, 5);
}

/** By which process each transaction was printed first, or up to which byte of FILE it reaches. */
function firstPrinted(
  outputs: readonly Transcript[],
  toFile: boolean,
): ReadonlyMap<number, number> {
  const first = new Map<number, number>();
  for (const [process, { committed }] of outputs.entries()) {
    for (const { xid, bytes } of committed) {
      if (!first.has(xid)) first.set(xid, toFile ? bytes : process);
    }
  }
  return first;
}
