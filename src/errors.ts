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

/** The command was called wrongly: exit status 2. */
export function usageError(message: string, hint?: string): WalctlError {
  return new WalctlError(message, { hint, exitCode: ExitCode.usage });
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
