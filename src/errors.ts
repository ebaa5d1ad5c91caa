/** The exit status. The meanings are part of the contract. */
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
  /** The command, SQL or setting that helps, ready to paste. */
  readonly hint?: string | undefined;
  /** Default: failed. */
  readonly exitCode?: ExitCode | undefined;
  readonly cause?: unknown;
}

/**
 * Something a user can meet and fix; anything else that is thrown is a bug.
 * The message is one line without a full stop, detail and hint are sentences
 * (PostgreSQL's Error Message Style Guide). Row values never enter any of them.
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

/** Called wrongly: exit status 2. */
export function usageError(message: string, hint?: string): WalctlError {
  return new WalctlError(message, { hint, exitCode: ExitCode.usage });
}

/** Bytes that are not what they should be. */
export class DecodeError extends Error {
  /** Where in the bytes given the fault is; of a truncated message, where the bytes end. */
  readonly offset: number;
  /** How many more bytes are needed at least; 0 when more bytes would not help. */
  readonly missing: number;

  constructor(message: string, offset: number, missing = 0) {
    super(message);
    this.name = "DecodeError";
    this.offset = offset;
    this.missing = missing;
  }
}
