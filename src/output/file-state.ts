import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { WalctlError } from "../errors.ts";
import { INVALID_LSN, type Lsn, formatLsn, parseLsn } from "../lsn.ts";
import { type FileEnd, NO_END } from "./file-end.ts";
import { syncFolder } from "./sync-folder.ts";

/**
 * What FILE's lines do not tell and the next process has to know, in a small file beside it: FILE.walctl, one JSON
 * object. It is written when a stream starts, when FILE is rotated, and before a position is acknowledged that no line
 * of FILE ends at: never for each message or transaction.
 */
export interface FileState {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The timelines before, and where each ended. Undefined: not known. */
  readonly history: ReadonlyArray<{ readonly timeline: number; readonly end: Lsn }> | undefined;
  readonly database: string;
  /** Undefined: a temporary one. */
  readonly slot: string | undefined;
  /** What was asked of the server, in so far as it decides which transactions it sends. */
  readonly request: string;
  /** FILE may hold blocks of streamed transactions. */
  readonly streamed: boolean;
  /** No block before that is of a transaction that is still open. */
  readonly blocksFrom: number;
  /** FILE has had the end of a transaction behind `offset`: without one it was emptied or deleted since. */
  readonly lines: boolean;
  /** Nothing beyond that, nor beyond what FILE's lines tell, has been acknowledged. */
  readonly acknowledged: Lsn;
  /** FILE's bytes before that belong to what `before` tells, and are not looked at. */
  readonly offset: number;
  /** What had been written to earlier files of that name, and before `offset`. */
  readonly before: FileEnd;
}

const FORMAT = 1;
const MODE_OWNER_ONLY = 0o600;
const SUFFIX = ".walctl";

export function fileStatePath(path: string): string {
  return `${path}${SUFFIX}`;
}

/** Undefined: there is none, or none that can be understood. */
export function readFileState(path: string): FileState | "damaged" | undefined {
  let text: string;
  try {
    text = readFileSync(fileStatePath(path), "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new WalctlError(`could not read "${fileStatePath(path)}" (${code ?? "unknown error"})`, {
      cause,
    });
  }
  return parseFileState(text) ?? "damaged";
}

/**
 * Replaces it: whatever happens meanwhile, the old one or the new one is there whole.
 * @throws the errno when it cannot be written
 */
export function writeFileState(path: string, state: FileState): void {
  const target = fileStatePath(path);
  const temporary = `${target}.new`;
  const fd = openSync(temporary, "w", MODE_OWNER_ONLY);
  try {
    writeSync(fd, formatFileState(state));
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, target);
  syncFolder(dirname(target));
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
    request: state.request,
    streamed: state.streamed,
    blocks_from: state.blocksFrom,
    lines: state.lines,
    acknowledged_lsn: lsn(state.acknowledged),
    offset: state.offset,
    end_lsn: lsn(before.endLsn),
    message_lsn: lsn(before.messageLsn),
    commit:
      before.commit === undefined
        ? null
        : {
            xid: before.commit.xid,
            commit_lsn: formatLsn(before.commit.commitLsn),
            commit_unix_ms: before.commit.commitUnixMs,
          },
  })}\n`;
}

function parseFileState(text: string): FileState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const field = (name: string): unknown => Reflect.get(json, name);
  const lsn = (value: unknown): Lsn =>
    (typeof value === "string" ? parseLsn(value) : undefined) ?? INVALID_LSN;
  const systemIdentifier = field("system_identifier");
  const database = field("database");
  const offset = field("offset");
  if (field("walctl") !== FORMAT) return undefined;
  if (typeof systemIdentifier !== "string" || typeof database !== "string") return undefined;
  if (typeof offset !== "number") return undefined;
  const slot = field("slot");
  const request = field("request");
  return {
    systemIdentifier,
    timeline: Number(field("timeline")),
    history: parseHistory(field("history")),
    database,
    slot: typeof slot === "string" ? slot : undefined,
    request: typeof request === "string" ? request : "",
    streamed: field("streamed") !== false,
    blocksFrom: Number(field("blocks_from") ?? 0),
    lines: field("lines") !== false,
    acknowledged: lsn(field("acknowledged_lsn")),
    offset,
    before: {
      ...NO_END,
      endLsn: lsn(field("end_lsn")),
      messageLsn: lsn(field("message_lsn")),
      commit: parseCommit(field("commit"), lsn),
    },
  };
}

function parseHistory(value: unknown): FileState["history"] {
  if (!Array.isArray(value)) return undefined;
  return value.map((each: unknown) => {
    const [timeline, end] = Array.isArray(each) ? (each as unknown[]) : [];
    return {
      timeline: Number(timeline),
      end: (typeof end === "string" ? parseLsn(end) : undefined) ?? INVALID_LSN,
    };
  });
}

function parseCommit(value: unknown, lsn: (value: unknown) => Lsn): FileEnd["commit"] {
  if (typeof value !== "object" || value === null) return undefined;
  const commitLsn = lsn(Reflect.get(value, "commit_lsn"));
  const xid: unknown = Reflect.get(value, "xid");
  const commitUnixMs: unknown = Reflect.get(value, "commit_unix_ms");
  if (typeof xid !== "number" || typeof commitUnixMs !== "number") return undefined;
  return { xid, commitLsn, commitUnixMs };
}
