/** The exit statuses. Their meanings are part of the contract. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  malformedInput: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface WalctlErrorParts {
  /** DETAIL: more about the cause. */
  readonly detail?: string | undefined;
  /** The command, SQL or setting that fixes it, ready to paste. */
  readonly hint?: string | undefined;
  /** Default: failed. */
  readonly exitCode?: ExitCode | undefined;
  readonly cause?: unknown;
}

/**
 * An error that a user can meet and fix; anything else that is thrown is a bug. The message is one line without a full
 * stop, detail and hint are sentences (PostgreSQL's Error Message Style Guide). None of them ever contains row values.
 */
export class WalctlError extends Error {
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, parts: WalctlErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "WalctlError";
    this.detail = parts.detail;
    this.hint = parts.hint;
    this.exitCode = parts.exitCode ?? ExitCode.failed;
  }
}

/** By a signal, or a key at a prompt. */
export class Interrupted extends WalctlError {
  constructor(cause?: unknown) {
    super("interrupted", { cause });
  }
}

/** The command was called wrongly: exit status 2. */
export function usageError(message: string, hint?: string): WalctlError {
  return new WalctlError(message, { hint, exitCode: ExitCode.usage });
}

/** For a hint: the name that was probably meant, one that differs by one or two letters. */
export function nearestOf(word: string, names: Iterable<string>): string | undefined {
  const near = Array.from(names, (name) => ({ name, distance: editDistance(word, name) }));
  const [best] = near.toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 ? best.name : undefined;
}

/**
 * Like nearestOf(), as a hint before `hint`; no other name is meant if more than half of the letters differ.
 */
export function didYouMean(
  word: string,
  names: Iterable<string>,
  hint?: string,
): string | undefined {
  const best = nearestOf(word, names);
  if (best === undefined || editDistance(word, best) * 2 > best.length) return hint;
  return [`Did you mean "${best}"?`, ...(hint === undefined ? [] : [hint])].join(" ");
}

/**
 * A name that is there already and may have been meant, of a new one; not one that differs only in its numbers.
 */
export function nearMiss(word: string, names: Iterable<string>): string | undefined {
  const numberless = (name: string): string => name.replace(/_?\d+/g, "");
  const others = [...names].filter((name) => numberless(name) !== numberless(word));
  const best = nearestOf(word, others);
  return best !== undefined && editDistance(word, best) * 4 <= best.length ? best : undefined;
}

/** The number of letters to insert, delete or replace. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The bytes are damaged or end too early. */
export class DecodeError extends Error {
  /** The position of the fault in the bytes given. If the message is truncated: where the bytes end. */
  readonly offset: number;
  /** How many more bytes are needed at least; 0 if more bytes would not help. */
  readonly missing: number;

  constructor(message: string, offset: number, missing = 0) {
    super(message);
    this.name = "DecodeError";
    this.offset = offset;
    this.missing = missing;
  }
}
