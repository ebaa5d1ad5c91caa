import { isRowChange } from "../../pgoutput/changes.ts";
import type { OtherMessage, PgoutputMessage, RowChange } from "../../pgoutput/messages.ts";
import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import type { StreamNote } from "../../server/start/consumer.ts";
import type { TypeWatch } from "../../server/types/watch.ts";
import { type PgTime, unixMsFromPgTime } from "../../pg-time.ts";
import type { Sink } from "../../output/sink.ts";
import type { CaptureFile } from "./capture-file.ts";
import type { TransactionGate } from "./gate.ts";
import type { OutputJournal } from "./output-journal.ts";
import type { Renderer } from "../../render/renderer.ts";
import type { Warning } from "../reporter.ts";

/** Relations to warn of one by one: rubbish may look like rows of as many as it is long. */
const UNANNOUNCED_MAX = 100;

interface PipelineParts {
  readonly types: TypeRegistry;
  /** What is not accepted is not printed, and counts as written. */
  readonly accepts: (message: PgoutputMessage) => boolean;
  readonly skipped?: () => void;
  /** Transactions that are left out as a whole. Undefined: none are. */
  readonly gate?: TransactionGate | undefined;
  readonly renderer: Renderer;
  readonly sink: Sink;
  readonly warn: (warning: Warning) => void;
  /** Asks the server's catalogue. Undefined: there is no server. */
  readonly typeWatch: TypeWatch | undefined;
  /** Gets all that is received, before the filter. */
  readonly capture: CaptureFile | undefined;
  /** Notes down what is acknowledged, where the output is a file. */
  readonly journal: OutputJournal | undefined;
}

/**
 * What tail and decode-file have in common: decoded messages go through the filter and the renderer,
 * and what was rendered of one chunk goes out in one write.
 */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #unannounced = new Set<number>();
  readonly #unknown = new Set<number>();
  readonly frame: ((payload: Uint8Array) => void) | undefined;
  readonly note: ((note: StreamNote) => void) | undefined;
  #rows = 0;
  #lastCommitTime: PgTime | undefined;
  #transactionOpen = false;
  /** The end of the last transaction whose end has been printed. */
  #printedEnd = INVALID_LSN;
  #rotation: (() => void) | undefined;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { capture } = parts;
    this.frame = capture === undefined ? undefined : (payload) => capture.frame(payload);
    this.note = capture === undefined ? undefined : (note) => capture.metadata(note);
  }

  /** Row changes that have come so far. */
  get rows(): number {
    return this.#rows;
  }

  /** When the last transaction committed that was passed on. */
  get lastCommitUnixMs(): number | undefined {
    return this.#lastCommitTime === undefined ? undefined : unixMsFromPgTime(this.#lastCommitTime);
  }

  /** Calls `rotate` as soon as all that was passed on is in whole transactions and written. */
  rotateBetweenTransactions(rotate: () => void): void {
    this.#rotation = rotate;
    this.#rotateIfDue();
  }

  /** What the catalogue has to tell of types is known before their values come. */
  prepare(message: OtherMessage): Promise<void> | undefined {
    return this.#parts.typeWatch?.prepare(message);
  }

  prepareStreamed(change: RowChange): Promise<void> | undefined {
    return this.#parts.typeWatch?.prepareStreamed(change.position);
  }

  idle(): void {
    this.#parts.typeWatch?.idle();
  }

  /** A row. Returns whether it is printed. */
  change(change: RowChange): boolean {
    this.#rows++;
    if (!change.relation.announced) this.#warnUnannounced(change.relation.oid);
    return this.#print(change);
  }

  /** Like message(), but nothing is printed. */
  announce(message: OtherMessage): void {
    if (message.kind === "type") {
      this.#parts.types.announce(message.oid, message.schema, message.name);
    }
  }

  message(message: PgoutputMessage): void {
    if (isRowChange(message)) return void this.change(message);
    switch (message.kind) {
      case "type":
        this.announce(message);
        break;
      case "begin":
      case "begin_prepare":
      case "stream_start":
        this.#transactionOpen = true;
        break;
      case "commit":
        this.#lastCommitTime = message.commitTime;
        this.#transactionOpen = false;
        break;
      case "prepare":
      case "stream_stop":
        this.#transactionOpen = false;
        break;
      case "unknown":
        this.#warnUnknown(message.tag);
        break;
      default:
        break;
    }
    this.#print(message);
  }

  /** What comes next does not follow what came last: something damaged was in between. */
  skipped(): void {
    this.#parts.renderer.skipped?.();
    this.#parts.gate?.skipped();
    this.#parts.skipped?.();
  }

  #print(message: PgoutputMessage): boolean {
    const { accepts, gate } = this.#parts;
    if (gate === undefined) {
      if (!accepts(message)) return false;
      this.#render(message);
      return true;
    }
    const printed = gate.admit(message, accepts);
    for (const each of printed) this.#render(each);
    return printed.length > 0;
  }

  #render(message: PgoutputMessage): void {
    const { journal, renderer } = this.#parts;
    renderer.render(message);
    if (journal === undefined || isRowChange(message)) return;
    journal.message(message);
    this.#printedEnd = maxLsn(this.#printedEnd, endOf(message));
  }

  /** Writes what was rendered since the last flush. Undefined: written; else nothing may be rendered before it is. */
  flush(): Promise<void> | undefined {
    const { capture, journal, renderer, sink } = this.#parts;
    const capturing = capture?.flush();
    const bytes = renderer.take();
    const writing = bytes.length === 0 ? undefined : sink.write(bytes);
    journal?.wrote(bytes.length);
    this.#rotateIfDue();
    return capturing === undefined ? writing : both(capturing, writing);
  }

  /** Makes durable what has been flushed, where that is a file. Gives what of `position` may be acknowledged. */
  sync(position: Lsn): Promise<Lsn> | Lsn {
    const { sink, journal } = this.#parts;
    const syncing = sink.sync();
    if (journal === undefined)
      return syncing === undefined ? position : syncing.then(() => position);
    const end = this.#printedEnd;
    const { lowestBlock } = journal;
    const noteDown = (): Lsn => journal.acknowledge(position, end, lowestBlock);
    return syncing === undefined ? noteDown() : syncing.then(noteDown);
  }

  #rotateIfDue(): void {
    if (this.#transactionOpen) return;
    this.#rotation?.();
    this.#rotation = undefined;
  }

  #warnUnannounced(oid: number): void {
    if (this.#unannounced.has(oid) || this.#unannounced.size > UNANNOUNCED_MAX) return;
    this.#unannounced.add(oid);
    if (this.#unannounced.size > UNANNOUNCED_MAX) {
      this.#parts.warn({ message: "no Relation message for further relations either" });
      return;
    }
    this.#parts.warn({
      message: `no Relation message for the relation with OID ${oid}`,
      detail:
        "Its name, its columns and their types are not known: the capture starts after it was announced, or that is damaged.",
    });
  }

  #warnUnknown(tag: number): void {
    if (this.#unknown.has(tag)) return;
    this.#unknown.add(tag);
    this.#parts.warn({
      message: `message of the unknown type ${JSON.stringify(String.fromCharCode(tag))}`,
      detail: "The server may be newer than this walctl; the message is printed as it came.",
    });
  }
}

async function both(one: Promise<void>, other: Promise<void> | undefined): Promise<void> {
  await Promise.all([one, other]);
}

/** 0/0: it does not end a transaction. */
function endOf(message: PgoutputMessage): Lsn {
  switch (message.kind) {
    case "commit":
    case "stream_commit":
    case "commit_prepared":
    case "prepare":
    case "stream_prepare":
      return message.endLsn;
    case "rollback_prepared":
      return message.rollbackEndLsn;
    default:
      return INVALID_LSN;
  }
}
