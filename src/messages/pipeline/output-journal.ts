import { WalctlError } from "../../errors.ts";
import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { type FileEnd, NO_END, joinEnds } from "../../output/file/file-end.ts";
import {
  type FileState,
  fileStatePath,
  formatFileState,
  readFileState,
  writeFileState,
} from "../../output/file/file-state.ts";
import {
  hasContent,
  readOutputEnd,
  recoverLastLine,
  recoverOutput,
} from "../../output/file/recovery.ts";
import { findRenamed, lastingIdentity } from "../../output/file/same-file.ts";
import { sinkError } from "../../output/sink.ts";
import {
  type Boundary,
  type PrintedPart,
  lastByteBefore,
} from "../../postgres/messages/boundary.ts";
import type { Received, Start } from "../../server/start/continuity.ts";
import type { Mark } from "../../server/start/resume.ts";
import { OpenBlocks } from "./open-blocks.ts";
import type { Reporter } from "../../program/reporter.ts";

/** A position that is in no line of FILE is acknowledged at most this often: each time costs two fsyncs. */
const IDLE_GAP_MS = 1000;

/** How far blocksFrom may be behind the lowest open block. */
const BLOCKS_GAP_BYTES = 16 << 20;

/** The errors that mean that no file can be created beside FILE. */
const NO_PLACE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

interface JournalOptions {
  /** --output */
  readonly path: string;
  readonly database: string;
  /** See FileState.request. */
  readonly request: string;
  readonly streaming: boolean;
  /** Whether FILE gets the lines that show where the transactions of such a slot begin and end. */
  readonly showsEnds: (twoPhase: boolean) => boolean;
  /** The slot follows what a consumer of FILE confirms; that consumer may cut or delete FILE. */
  readonly ackFrom: boolean;
  /** FILE is the name of a descriptor: no file can exist beside it. */
  readonly alone: boolean;
  /** See FileState.file. */
  readonly identity: () => string | undefined;
}

export interface OutputTaken {
  /** Undefined if nothing is known. */
  readonly mark: Mark | undefined;
  /** Where blocks of open transactions may be, and from which offset. Each path is looked for when it is taken. */
  readonly blocks: Iterable<{ readonly path: string; readonly from: number }>;
}

/** What FILE and the file beside it say about the stream so far, for this process and the next one. */
export class OutputJournal {
  readonly #options: JournalOptions;
  readonly #reporter: Reporter;
  /** Undefined if there is no such file, or there cannot be one. */
  #state: FileState | undefined;
  #disabled: boolean;
  #warned = false;
  /** FILE may hold parts of open transactions. */
  #streamed = false;
  /** The size of FILE, counted from what was written. */
  #size = 0;
  readonly #blocks = new OpenBlocks();
  #writtenMs = -Infinity;
  /**
   * How far FILE went when it was taken over. Ends behind the line of its last message outside of transactions may lie
   * before that message, where a slot has become two-phase since.
   */
  #end = NO_END;
  /** Whether this process's lines show where transactions end. Undefined before the first start. */
  #ends: boolean | undefined;

  constructor(options: JournalOptions, reporter: Reporter) {
    this.#options = options;
    this.#disabled = options.alone;
    this.#reporter = reporter;
  }

  /**
   * What an earlier process received, as far as that can be known.
   * @throws WalctlError for a FILE that walctl did not write
   */
  received(): Received {
    const state = this.#read();
    const file = this.#showsEnds(state)
      ? readOutputEnd(this.#writtenFile(state), state?.offset ?? 0)
      : NO_END;
    // FILE was emptied, deleted or renamed since. The end noted at the last rotation is too old to compare with.
    const unknown = state?.lines === true && file.endLsn === INVALID_LSN;
    const end = state === undefined ? file : joinEnds(state.before, file);
    const complete = state && completeOf(state, file);
    return {
      log: state && {
        systemIdentifier: state.systemIdentifier,
        timeline: state.timeline,
        history: state.history,
      },
      source: state && { database: state.database, slot: state.slot },
      passed: passedOf(end),
      end: unknown ? INVALID_LSN : end.endLsn,
      messageLsn: unknown ? INVALID_LSN : end.messageLsn,
      complete,
      confirmed: complete,
      anchor: this.#markOf(end).anchor,
    };
  }

  /**
   * Cuts FILE behind its last whole transaction or line, or what FILE was before it was renamed. Called once this process
   * holds the slot.
   */
  takeOver(): OutputTaken {
    const state = this.#read();
    const { path } = this.#options;
    const showsEnds = this.#showsEnds(state);
    const written = this.#writtenFile(state);
    const blocks = this.#blocksIn(state, written, lastingIdentity(written));
    const { end, bytesCut, size } = showsEnds
      ? recoverOutput(written, state?.offset ?? 0)
      : recoverLastLine(written);
    if (bytesCut > 0) {
      const what = showsEnds ? "transaction" : "line";
      this.#reporter.notice(
        `cut ${bytesCut} bytes of an unfinished ${what} from the end of "${written}"`,
      );
    }
    this.#size = size;
    this.#end = end;
    if (state === undefined) return { mark: showsEnds ? this.#markOf(end) : undefined, blocks };
    const joined = joinEnds(state.before, end);
    this.#end = joined;
    if (written === path) return { mark: this.#markOf(joined), blocks };
    this.#reporter.notice(
      `"${path}" was renamed to "${written}": the new one goes on behind its last transaction`,
    );
    this.#size = 0;
    this.#state = this.#inNewFile(state, joined, state.earlier);
    return { mark: this.#markOf(joined), blocks };
  }

  /** The process before this one may have left out other lines (--only, --where). */
  #showsEnds(state: FileState | undefined): boolean {
    return state?.ends ?? this.#options.showsEnds(false);
  }

  #markOf({ endLsn, messageLsn, xid, commit }: FileEnd): Mark {
    const { request = this.#options.request } = this.#state ?? {};
    // With other options the server may leave out that transaction.
    const isRepeatable = commit !== undefined && request === this.#options.request;
    return { endLsn, messageLsn, xid, anchor: isRepeatable ? { ...commit, endLsn } : undefined };
  }

  /** To read an earlier file takes time, in which the one that was written may be renamed. */
  *#blocksIn(
    state: FileState | undefined,
    written: string,
    identity: string | undefined,
  ): Generator<{ path: string; from: number }> {
    if (state?.streamed === false) return;
    const { path } = this.#options;
    for (const { file, from } of state?.earlier ?? []) {
      const found = findRenamed(path, file);
      if (found !== undefined) yield { path: found, from };
    }
    const isThere = identity === undefined || lastingIdentity(written) === identity;
    const found = isThere ? written : findRenamed(path, identity);
    if (found !== undefined) yield { path: found, from: state?.blocksFrom ?? 0 };
  }

  /** Records a line of FILE about blocks. */
  noteBlock(part: PrintedPart): void {
    this.#streamed = true;
    if (part.kind === "boundary")
      this.#blocks.boundary(part.boundary, this.#state?.blocksFrom ?? 0);
  }

  /** Records the beginning or end of a transaction that will be written to FILE. */
  boundary(boundary: Boundary): void {
    this.#blocks.boundary(boundary, this.#size);
  }

  wrote(bytes: number): void {
    this.#size += bytes;
  }

  /** No open block begins before this offset in what has been written of FILE. */
  get lowestBlock(): number {
    return this.#blocks.lowest(this.#size);
  }

  /** A stream has started. After a gap, the earlier content of FILE is not part of what follows. */
  started({ standing, gap, from }: Start): void {
    const { server, slotName, temporary, twoPhase, slotPosition } = standing;
    const { database, request, streaming, ackFrom, identity, showsEnds } = this.#options;
    this.#streamed ||= streaming || twoPhase;
    this.#ends ??= showsEnds(twoPhase);
    const old = gap ? undefined : this.#state;
    const { before = NO_END } = old ?? {};
    // Each part of FILE is read in its own way.
    const differs = old !== undefined && old.ends !== this.#ends;
    const next: FileState = {
      systemIdentifier: server.systemIdentifier,
      timeline: server.timeline,
      history: server.history,
      database,
      slot: temporary ? undefined : slotName,
      file: identity(),
      request,
      streamed: this.#streamed,
      blocksFrom: gap ? this.#size : (this.#state?.blocksFrom ?? 0),
      earlier: old?.earlier ?? [],
      ends: this.#ends,
      lines: ackFrom || (!differs && (old?.lines ?? false)),
      acknowledged: maxLsn(old?.acknowledged ?? INVALID_LSN, slotPosition),
      offset: gap || differs ? this.#size : (old?.offset ?? 0),
      before: gap
        ? { ...NO_END, endLsn: from }
        : differs
          ? this.#end
          : { ...before, messageLsn: maxLsn(before.messageLsn, this.#end.messageLsn) },
    };
    this.#write(next);
  }

  /**
   * Everything up to `position` is durable in FILE, whose last transaction ends at `lastEnd`. Returns the position that
   * may be acknowledged now: what is acknowledged has to be stored for the next process first.
   * @param lowestBlock its value when all that is durable had been written
   */
  acknowledge(position: Lsn, lastEnd: Lsn, lowestBlock: number): Lsn {
    const state = this.#state;
    if (this.#disabled || state === undefined) return position;
    const lines = state.lines || (state.ends && lastEnd > INVALID_LSN);
    const told = state.ends ? maxLsn(lastEnd, state.acknowledged) : state.acknowledged;
    const blocksFrom =
      state.streamed && lowestBlock >= state.blocksFrom + BLOCKS_GAP_BYTES
        ? lowestBlock
        : state.blocksFrom;
    if (blocksFrom !== state.blocksFrom) {
      this.#write({ ...state, lines, blocksFrom });
      return this.acknowledge(position, lastEnd, lowestBlock);
    }
    if (position <= told && lines === state.lines) return position;
    const now = performance.now();
    if (now < this.#writtenMs + IDLE_GAP_MS && lines === state.lines) return told;
    this.#writtenMs = now;
    this.#write({ ...state, lines, acknowledged: maxLsn(state.acknowledged, position) });
    return position;
  }

  /** Everything passed on is durable in FILE, which will now be replaced by a new file. */
  rotate({ endLsn, messageLsn, xid, anchor }: Mark): void {
    this.#size = 0;
    const { isEmpty } = this.#blocks;
    this.#blocks.inNewFile();
    const state = this.#state;
    if (state === undefined || this.#disabled) return;
    const commit = anchor?.endLsn === endLsn ? anchor : undefined;
    const before = { endLsn, messageLsn, xid, commit };
    const streamed = this.#streamed;
    const next = this.#inNewFile(state, before, isEmpty ? [] : state.earlier);
    this.#write({ ...next, streamed, file: undefined });
  }

  /** Lines go into the file that is open now. */
  reopened(): void {
    const state = this.#state;
    if (state !== undefined) this.#write({ ...state, file: this.#options.identity() });
  }

  /** Everything up to `before` is in earlier files, and nothing is in FILE. */
  #inNewFile(state: FileState, before: FileEnd, files: FileState["earlier"]): FileState {
    const { file, blocksFrom } = state;
    const earlier = file === undefined ? files : [...files, { file, from: blocksFrom }];
    const acknowledged = maxLsn(state.acknowledged, before.endLsn);
    const lines = this.#options.ackFrom;
    return { ...state, acknowledged, lines, before, offset: 0, blocksFrom: 0, earlier };
  }

  /** FILE, or what it has been renamed to if there is nothing in FILE itself. */
  #writtenFile(state: FileState | undefined): string {
    const { path } = this.#options;
    if (state?.file === undefined || hasContent(path)) return path;
    return findRenamed(path, state.file) ?? path;
  }

  /** Reads it again at each call until this process holds the slot: another process may be writing it. */
  #read(): FileState | undefined {
    const { path, alone } = this.#options;
    const state = alone ? undefined : readFileState(path);
    this.#state = typeof state === "string" ? undefined : state;
    if (typeof state === "string" && !this.#warned) {
      this.#warned = true;
      this.#reporter.warn({
        message: `"${fileStatePath(path)}" cannot be understood, and is replaced: ${state}`,
        detail: "What it said about the server and the slot is not compared.",
      });
    }
    return this.#state;
  }

  #write(state: FileState): void {
    const { path } = this.#options;
    if (this.#disabled) return;
    const old = this.#state;
    if (old !== undefined && formatFileState(old) === formatFileState(state)) return;
    try {
      writeFileState(path, state);
    } catch (cause) {
      if (cause instanceof WalctlError) throw cause;
      const { code } = cause as NodeJS.ErrnoException;
      if (this.#state !== undefined || !NO_PLACE.has(code ?? "")) {
        throw sinkError(cause, `"${fileStatePath(path)}"`);
      }
      this.#disabled = true;
      this.#reporter.warn({
        message: `could not write "${fileStatePath(path)}" (${code ?? "unknown error"})`,
        detail:
          "The next process will not know the server and the slot of the file, nor what was acknowledged.",
      });
    }
    this.#state = state;
  }
}

/** A position inside the last record: the next one may start where it ends. */
function passedOf({ endLsn, messageLsn }: FileEnd): Lsn {
  return lastByteBefore(maxLsn(endLsn, messageLsn));
}

/** Undefined if it is not known: FILE was emptied or deleted, or its slot was temporary. */
function completeOf(state: FileState, file: FileEnd): Lsn | undefined {
  const { acknowledged, before, lines, slot } = state;
  if (slot === undefined || (lines && file.endLsn === INVALID_LSN)) return undefined;
  return maxLsn(acknowledged, maxLsn(before.endLsn, file.endLsn));
}
