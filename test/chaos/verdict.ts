/** Whether what was printed is what happened. */
import { type Lsn, formatLsn } from "../../src/lsn.ts";
import type { Subject } from "./subject.ts";
import type { PrintedEnd, PrintedTransaction, Transcript } from "./transcript.ts";
import type { TrueTransaction } from "./workload.ts";

const MAY_REPEAT = /leaves out \w+, so the file does not show where to continue/;

/** All that is wrong with a subject: nothing, if the guarantees hold. */
export function faultsOf(subject: Subject, all: readonly TrueTransaction[]): readonly string[] {
  const { file, retired } = subject.options;
  const truth = all.filter(({ endLsn }) => endLsn > subject.since);
  const order = new Map(truth.map(({ xid }, index) => [xid, index]));
  const found = [...subject.complaints];
  if (subject.broken) return found;
  const outputs = subject.outputs();
  if (subject.options.rowsOnly === true) return [...found, ...rowFaults(subject, outputs, truth)];
  /** What is said to be missing may be. */
  const excused = (real: TrueTransaction | undefined): boolean =>
    real !== undefined &&
    subject.gaps.some(({ after, upTo }) => real.endLsn > after && real.endLsn <= upTo);
  const first = subject.options.fromStart === true ? 0 : undefined;
  for (const [index, transcript] of outputs.entries()) {
    const where = file === undefined ? `process ${index}` : "FILE";
    for (const fault of outputFaults(transcript, truth, order, first, excused)) {
      found.push(`${where}: ${fault}`);
    }
  }
  const due = truth.filter((real) => !excused(real));
  const losses = lossesOf(outputs, due);
  const unfinished = outputs.at(-1)?.unfinished.size ?? 0;
  if (unfinished > 0) found.push(`${unfinished} transactions stay prepared`);
  // Which bytes of FILE were there at a time is not known where it was taken away.
  if (retired !== undefined) return [...subject.complaints, ...losses];
  return [...found, ...losses, ...sampleFaults(subject, outputs, due)];
}

type Excused = (real: TrueTransaction | undefined) => boolean;

/** Once each, whole, and in commit order without a gap. */
function outputFaults(
  transcript: Transcript,
  truth: readonly TrueTransaction[],
  order: ReadonlyMap<number, number>,
  first: number | undefined,
  excused: Excused,
): readonly string[] {
  const found = [...twiceIn(transcript), ...orderFaults(transcript.ends)];
  let expected = first;
  for (const printed of transcript.committed) {
    const index = order.get(printed.xid);
    // Of a transaction without a row the server sends now its end, now nothing.
    if (index === undefined && printed.ids.length === 0) continue;
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

function twiceIn({ twice }: Transcript): readonly string[] {
  return twice.slice(0, 3).map((what) => `twice: ${what} (one of ${twice.length})`);
}

function orderFaults(ends: readonly PrintedEnd[]): readonly string[] {
  const inTurn = endsInTurn(ends);
  return inTurn
    .filter(({ endLsn }, index) => endLsn <= (inTurn[index - 1]?.endLsn ?? 0n))
    .slice(0, 3)
    .map(({ kind, xid }) => `${kind} ${xid} is out of order`);
}

/**
 * Those that come in the order of the log. What was prepared before the slot decoded that comes whole with its second
 * phase (ReorderBufferFinishPrepared).
 */
function endsInTurn(ends: readonly PrintedEnd[]): readonly PrintedEnd[] {
  return ends.filter((end, index) => {
    const next = ends[index + 1];
    return !isPrepare(end) || next?.kind !== "commit_prepared" || next.xid !== end.xid;
  });
}

function isPrepare({ kind }: PrintedEnd): boolean {
  return kind === "prepare" || kind === "stream_prepare";
}

/** Where a file shows rows without all the ends of their transactions. */
function rowFaults(
  { warnings }: Subject,
  outputs: readonly Transcript[],
  truth: readonly TrueTransaction[],
): readonly string[] {
  const lost = truth.flatMap(({ ids }) =>
    ids.filter((id) => !outputs.some((output) => output.ids.has(id))),
  );
  const mayRepeat = warnings.some((warning) => MAY_REPEAT.test(warning));
  const found = mayRepeat ? [] : outputs.flatMap(twiceIn);
  return lost.length === 0
    ? found
    : [...found, `lost: ${lost.length} rows, ${lost.slice(0, 5).join()}`];
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

/**
 * Nothing was confirmed that had not been written by then, at the end of a transaction or of its first phase. Before
 * --two-phase was first asked for, the slot passed first phases over; a crashed server may have taken it back behind
 * these, so that they were printed afterwards.
 */
function sampleFaults(
  { options, samples, firstTwoPhase }: Subject,
  outputs: readonly Transcript[],
  truth: readonly TrueTransaction[],
): readonly string[] {
  const found: string[] = [];
  const toFile = options.file !== undefined;
  const printedAt = firstPrinted(outputs, toFile);
  const prepares = outputs.flatMap(({ ends }) => endsInTurn(ends).filter(isPrepare));
  const ends = truth.map(({ endLsn }) => endLsn).toSorted(byLsn);
  const all = [...ends, ...prepares.map(({ endLsn }) => endLsn)].toSorted(byLsn);
  for (const { confirmed, process, fileBytes } of samples) {
    const due = firstTwoPhase === 0 || process > firstTwoPhase ? all : ends;
    const last = due.findLast((endLsn) => endLsn <= confirmed);
    if (last === undefined) continue;
    const at = printedAt.get(last) ?? Infinity;
    if (at > (toFile ? fileBytes : process))
      found.push(`what ends at ${formatLsn(last)} was confirmed before it was written`);
  }
  return found.slice(0, 5);
}

/** By which process each end was printed first, or up to which byte of FILE it reaches. */
function firstPrinted(outputs: readonly Transcript[], toFile: boolean): ReadonlyMap<Lsn, number> {
  const first = new Map<Lsn, number>();
  for (const [process, { ends }] of outputs.entries()) {
    for (const { endLsn, bytes } of ends) {
      if (!first.has(endLsn)) first.set(endLsn, toFile ? bytes : process);
    }
  }
  return first;
}

function byLsn(one: Lsn, other: Lsn): number {
  return one < other ? -1 : Number(one > other);
}
