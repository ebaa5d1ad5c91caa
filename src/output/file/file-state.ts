import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { WalctlError } from "../../errors.ts";
import { INVALID_LSN, type Lsn, formatLsn, parseLsn } from "../../lsn.ts";
import type { FileEnd } from "./file-end.ts";
import { readAt } from "./read-at.ts";
import { syncFolder } from "./sync-folder.ts";

/**
 * What the next process has to know and FILE's lines do not say. It is kept in a small file beside FILE: FILE.walctl,
 * one JSON object. walctl writes it when a stream starts, when FILE is rotated, and before it acknowledges a position
 * at which no line of FILE ends: never for each message or transaction.
 */
export interface FileState {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The earlier timelines, and where each ended. Undefined if not known. */
  readonly history: ReadonlyArray<{ readonly timeline: number; readonly end: Lsn }> | undefined;
  readonly database: string;
  /** Undefined for a temporary slot. */
  readonly slot: string | undefined;
  /**
   * The file that is being written (lastingIdentity), which may be renamed at any time. Undefined if FILE is about to be
   * created, or if it is not known.
   */
  readonly file: string | undefined;
  /** The options that decide which transactions the server sends. */
  readonly request: string;
  /** FILE may contain blocks of streamed transactions, or prepared ones. */
  readonly streamed: boolean;
  /** No block before this offset belongs to a transaction that is still open. */
  readonly blocksFrom: number;
  /** What FILE was before its last rotations (lastingIdentity), and where blocks that may still count begin there. */
  readonly earlier: ReadonlyArray<{ readonly file: string; readonly from: number }>;
  /** FILE has, behind `offset`, the lines that show where transactions begin and end. */
  readonly ends: boolean;
  /** FILE contained the end of a transaction behind `offset`: if it has none now, it was emptied or deleted since. */
  readonly lines: boolean;
  /** Nothing beyond this position has been acknowledged, except what FILE's lines contain. */
  readonly acknowledged: Lsn;
  /** The bytes of FILE before this offset are summed up in `before` and not read again. */
  readonly offset: number;
  /** The end of what was written to earlier files of that name and before `offset`. */
  readonly before: FileEnd;
}

const FORMAT = 1;
const MODE_OWNER_ONLY = 0o600;
const SUFFIX = ".walctl";
/** How each of these files begins. */
const START = '{"walctl":';
/** A thousand timelines take 30 kB. */
const BYTES_MAX = 1 << 20;
/** Another program may put a link or a FIFO at this path at any time. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export function fileStatePath(path: string): string {
  return `${path}${SUFFIX}`;
}

/** The file that writeFileState renames to the state's path. */
export function temporaryStatePath(path: string): string {
  return `${fileStatePath(path)}.new`;
}

/**
 * Undefined if it does not exist. A string says why a file of walctl's cannot be interpreted.
 * @throws WalctlError if it cannot be read, or if another program wrote it
 */
export function readFileState(path: string): FileState | string | undefined {
  readOurs(temporaryStatePath(path));
  const text = readOurs(fileStatePath(path));
  if (text === undefined) return undefined;
  try {
    return parseFileState(text);
  } catch (error) {
    if (error instanceof FieldError) return error.message;
    throw error;
  }
}

/**
 * Replaces the state: at any moment either the old or the new one exists completely.
 * @throws WalctlError if another program wrote the file of that name, an error with errno if it cannot be written
 */
export function writeFileState(path: string, state: FileState): void {
  const target = fileStatePath(path);
  const temporary = temporaryStatePath(path);
  // A process that was killed left it there.
  if (readOurs(temporary) !== undefined) unlinkSync(temporary);
  const fd = openSync(temporary, CREATE, MODE_OWNER_ONLY);
  try {
    writeFileSync(fd, formatFileState(state));
    fsyncSync(fd);
    readOurs(target);
    renameSync(temporary, target);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  syncFolder(dirname(target));
}

/** Undefined if it does not exist. It waits for nothing, follows no link, and reads no more than walctl writes. */
function readOurs(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (!stats.isFile()) throw notOurs(path, "is no regular file");
    const fd = openSync(path, READ);
    try {
      const { size } = fstatSync(fd);
      const text = readAt(fd, 0, Math.min(size, BYTES_MAX)).toString();
      // A power cut may leave zeros in its place, or only its first bytes.
      const torn = size <= BYTES_MAX && START.startsWith(text.replace(/\0+$/, ""));
      if (torn || text.startsWith(START)) return text;
      throw notOurs(path, "was not written by walctl: its line 1 is another program's");
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof WalctlError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    // The walctl that uses the slot has renamed it meanwhile.
    if (code === "ENOENT") return undefined;
    throw new WalctlError(`could not read "${path}" (${code ?? "unknown error"})`, { cause });
  }
}

function notOurs(path: string, what: string): WalctlError {
  return new WalctlError(`"${path}" ${what}`, {
    detail:
      "walctl would keep the state of --output in a file of that name. Nothing has been changed.",
    hint: "Rename it, or give --output another file.",
  });
}

export function formatFileState(state: FileState): string {
  const { before, history } = state;
  const lsn = (value: Lsn): string | null => (value === INVALID_LSN ? null : formatLsn(value));
  return `${JSON.stringify({
    walctl: FORMAT,
    system_identifier: state.systemIdentifier,
    timeline: state.timeline,
    history: history?.map(({ timeline, end }) => [timeline, formatLsn(end)]) ?? null,
    database: state.database,
    slot: state.slot ?? null,
    file: state.file ?? null,
    request: state.request,
    streamed: state.streamed,
    blocks_from: state.blocksFrom,
    earlier: state.earlier,
    ends: state.ends,
    lines: state.lines,
    acknowledged_lsn: lsn(state.acknowledged),
    offset: state.offset,
    end_lsn: lsn(before.endLsn),
    message_lsn: lsn(before.messageLsn),
    xid: before.xid ?? null,
    commit:
      before.commit === undefined
        ? null
        : {
            xid: before.commit.xid,
            commit_lsn: formatLsn(before.commit.commitLsn),
            commit_unix_ms: before.commit.commitUnixMs,
            two_phase: before.commit.twoPhase,
          },
  })}\n`;
}

class FieldError extends Error {}

/** @throws FieldError */
function parseFileState(text: string): FileState {
  const file = objectOf(parseJson(text), "it");
  const field = <Value>(name: string, parse: Parse<Value>): Value => parse(file[name], `"${name}"`);
  if (file["walctl"] !== FORMAT) throw new FieldError(`its format is not ${FORMAT}`);
  return {
    systemIdentifier: field("system_identifier", stringOf),
    timeline: field("timeline", countOf),
    history: field("history", optional(historyOf)),
    database: field("database", stringOf),
    slot: field("slot", optional(stringOf)),
    file: field("file", optional(stringOf)),
    request: field("request", optional(stringOf)) ?? "",
    streamed: field("streamed", optional(booleanOf)) ?? true,
    blocksFrom: field("blocks_from", optional(countOf)) ?? 0,
    earlier: field("earlier", optional(earlierOf)) ?? [],
    ends: field("ends", optional(booleanOf)) ?? true,
    lines: field("lines", optional(booleanOf)) ?? true,
    acknowledged: field("acknowledged_lsn", optional(lsnOf)) ?? INVALID_LSN,
    offset: field("offset", countOf),
    before: {
      endLsn: field("end_lsn", optional(lsnOf)) ?? INVALID_LSN,
      messageLsn: field("message_lsn", optional(lsnOf)) ?? INVALID_LSN,
      xid: field("xid", optional(countOf)),
      commit: field("commit", optional(commitOf)),
    },
  };
}

type Parse<Value> = (value: unknown, name: string) => Value;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FieldError("it is not JSON");
  }
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new FieldError(`${name} is no object`);
}

function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return (value, name) => (value === undefined || value === null ? undefined : parse(value, name));
}

function stringOf(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new FieldError(`${name} is no string`);
}

function booleanOf(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new FieldError(`${name} is neither true nor false`);
}

function countOf(value: unknown, name: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw new FieldError(`${name} is no count`);
}

function lsnOf(value: unknown, name: string): Lsn {
  const lsn = typeof value === "string" ? parseLsn(value) : undefined;
  if (lsn !== undefined) return lsn;
  throw new FieldError(`${name} is no LSN`);
}

function earlierOf(value: unknown, name: string): FileState["earlier"] {
  if (!Array.isArray(value)) throw new FieldError(`${name} is no list`);
  return value.map((each: unknown) => {
    const { file, from } = objectOf(each, name);
    return { file: stringOf(file, name), from: countOf(from, name) };
  });
}

function historyOf(value: unknown, name: string): FileState["history"] {
  if (!Array.isArray(value)) throw new FieldError(`${name} is no list`);
  return value.map((each: unknown) => {
    const { 0: timeline, 1: end } = objectOf(each, name);
    return { timeline: countOf(timeline, name), end: lsnOf(end, name) };
  });
}

function commitOf(value: unknown, name: string): FileEnd["commit"] {
  const { xid, commit_lsn: lsn, commit_unix_ms: time, two_phase: twoPhase } = objectOf(value, name);
  if (!Number.isFinite(time)) throw new FieldError(`${name} has no time`);
  return {
    xid: countOf(xid, name),
    commitLsn: lsnOf(lsn, name),
    commitUnixMs: Number(time),
    twoPhase: optional(booleanOf)(twoPhase, name) ?? false,
  };
}
