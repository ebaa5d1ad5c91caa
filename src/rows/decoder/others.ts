import type { PgTime } from "../../pg-time.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { readMessage } from "../../postgres/records/status.ts";
import type { CatalogOverTime } from "../catalog/history.ts";
import { Change, ChangeKind } from "../transactions/change-log.ts";
import type { OpenTransactions } from "../transactions/open-transactions.ts";
import type { Replay } from "./replay.ts";
import type { RowOptions } from "./row-options.ts";

interface OthersParts {
  readonly options: RowOptions;
  readonly catalog: CatalogOverTime;
  readonly open: OpenTransactions;
  readonly replay: Replay;
}

/** Messages and states of sequences: some belong to a transaction, the others are sent at once. */
export class Others {
  readonly #parts: OthersParts;
  readonly #change = new Change();
  #sinceBegan: boolean;
  #untilEnded = false;

  constructor(parts: OthersParts) {
    this.#parts = parts;
    this.#sinceBegan = parts.options.since === undefined;
  }

  /** A transaction has committed. What is outside of transactions has no time but that of its place in the log. */
  committed(time: PgTime): void {
    const { since, until } = this.#parts.options;
    this.#sinceBegan ||= time >= (since ?? time);
    this.#untilEnded ||= time > (until ?? time);
  }

  note(record: WalRecord): void {
    const { options } = this.#parts;
    if ((record.originId ?? 0) !== 0 && !options.origins) return;
    if (record.rmgr === Rmgr.sequence) {
      if (options.sequences) this.#sequence(record);
    } else if (options.messages) this.#message(record);
  }

  #message(record: WalRecord): void {
    const message = unlessShort(() => readMessage(record.mainData()));
    if (message?.database !== this.#parts.options.database) return;
    const change = this.#changeOf(record, ChangeKind.message);
    if (message.transactional) this.#parts.open.append(record.xid, change);
    else this.#outside(change);
  }

  /**
   * nextval() and setval() are not rolled back: their records count from their place in the log on. Only those of a file that an open
   * transaction made (CREATE, RESTART) go with that transaction, whichever of its savepoints wrote them.
   */
  #sequence(record: WalRecord): void {
    const { catalog, open, options } = this.#parts;
    const [block] = record.blocks;
    if (record.blockCount === 0 || block === undefined) return;
    // Of an unlogged sequence only the init fork is logged.
    if (block.database !== options.database || block.fork !== 0) return;
    const change = this.#changeOf(record, ChangeKind.sequence);
    const { tablespace, database, relfilenode } = block;
    Object.assign(change, { tablespace, database, relfilenode });
    const creator = catalog.creatorOf(tablespace, relfilenode);
    if (creator === undefined) this.#outside(change);
    else open.append(creator, change);
  }

  #changeOf(record: WalRecord, kind: ChangeKind): Change {
    const change = this.#change;
    change.kind = kind;
    change.position = record.lsn;
    change.end = record.endLsn;
    change.payload = record.mainData();
    return change;
  }

  #outside(change: Change): void {
    const { options, replay } = this.#parts;
    const isInTime = this.#sinceBegan && !this.#untilEnded;
    if (!isInTime || change.position < options.startPosition || options.xids.length > 0) return;
    replay.outside(change);
  }
}
