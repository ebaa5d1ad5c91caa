/** The catalogue followed through a server's WAL, and asked what was asked of the server. */
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { CatalogHistory, type KnownCatalog } from "../../../src/rows/catalog/history.ts";
import { LateCatalog } from "../../../src/rows/catalog/late.ts";
import { OlderChanges } from "../../../src/rows/decoder/older-changes.ts";
import { PageStore } from "../../../src/rows/pages/page-store.ts";
import { TransactionRecord, endKind } from "../../../src/postgres/records/transaction.ts";
import type { WalVersion } from "../../../src/postgres/pages/versions.ts";
import type { WalRecord } from "../../../src/postgres/records/record.ts";
import { Rmgr } from "../../../src/postgres/records/rmgrs.ts";
import type { TestServer } from "../../support/server/server.ts";
import { followLog } from "./log.ts";
import { type Probe, checkProbe } from "./probes.ts";

export interface Replayed {
  readonly history: CatalogHistory;
  readonly late: boolean;
  /** Answers about tables. */
  readonly known: number;
}

/** Called before a transaction's end is told, with all of its xids that survive. */
export type Ended = (history: CatalogHistory, xids: ReadonlySet<number>) => void;

export interface ReplayOptions {
  readonly ended?: Ended;
  /** As if the input began there. */
  readonly from?: number;
  /** Not all may be known: the input begins anywhere. */
  readonly mayLack?: boolean;
}

export async function replay(
  server: TestServer,
  exported: CatalogFile,
  asked: readonly Probe[],
  { ended = () => {}, from = 0, mayLack = false }: ReplayOptions = {},
): Promise<Replayed> {
  const families = new Families();
  const probes = asked.filter(({ lsn }) => lsn >= from);
  let file = exported;
  let open: KnownCatalog | undefined;
  const late = new LateCatalog(exported);
  let older: OlderChanges | undefined;
  let first: number | undefined;
  let wanted = true;
  await followLog(server, (record, version) => {
    families.foresee(record, version);
    if (record.lsn < from) return true;
    first ??= record.lsn;
    older ??= new OlderChanges(exported.header, first);
    if (mayLack && record.lsn < exported.header.lsn) older.note(record, version);
    wanted &&= late.note(record, version);
    return true;
  });
  const isLate = LateCatalog.isLate(exported, first ?? 0);
  if (isLate) ({ file, known: open } = late.finish());
  if (open !== undefined) open = { ...open, doubts: older?.doubts };
  const pages: PageStore = new PageStore({
    tracks: ({ tablespace, database, relfilenode }) =>
      history.isCatalog(tablespace, database, relfilenode) ? "all" : undefined,
  });
  const history: CatalogHistory = new CatalogHistory(file, pages, open);
  let known = 0;
  const left = probes.toSorted((a, b) => a.lsn - b.lsn);
  let again: [Probe, ReadonlySet<number>][] = [];
  await followLog(server, (record, version) => {
    while (left[0] !== undefined && left[0].lsn < record.lsn) {
      const next = left.shift()!;
      const isNameless = next.rolledBack && !families.named;
      const owner = isNameless ? undefined : families.of(next.xid, mayLack);
      if (owner === undefined) continue;
      known += checkProbe(history, next, owner, mayLack);
      again.push([next, owner]);
    }
    if (record.lsn < from) return true;
    pages.apply(record, version);
    history.note(record, version);
    families.note(record);
    const end = endOf(record, version);
    if (end !== undefined) {
      const xids = new Set(end.xids);
      if (end.commits) {
        // The answers stay the same until the transaction's end.
        for (const [next, owner] of again)
          if (next.xid === end.xid) checkProbe(history, next, owner, mayLack);
        ended(history, xids);
        history.commit(xids, record.lsn, record.endLsn);
      } else {
        history.abort(xids);
        families.abort(xids);
      }
      // What was asked in a savepoint that is no more has no answer.
      again = again.filter(([, owner]) => ![...owner].some((xid) => xids.has(xid)));
    }
    return true;
  });
  if (left.length > 0) throw new Error("the WAL ends before the last probe");
  return { history, late: isLate, known };
}

/** The subtransactions of each transaction: at wal_level=logical those that live, else those that live to its end. */
class Families {
  readonly #families = new Map<number, Set<number>>();
  readonly #atEnd = new Map<number, ReadonlySet<number>>();
  /** Records name the parents of subtransactions. */
  named = false;

  /** Of all records, before. */
  foresee(record: WalRecord, version: WalVersion): void {
    if (record.topXid !== 0) this.named = true;
    const end = endOf(record, version);
    if (end?.commits === true) this.#atEnd.set(end.xid, new Set(end.xids));
  }

  note({ topXid, xid }: WalRecord): void {
    if (topXid === 0) return;
    const family = this.#families.get(topXid) ?? new Set([topXid]);
    family.add(xid);
    this.#families.set(topXid, family);
  }

  abort(xids: ReadonlySet<number>): void {
    for (const family of this.#families.values()) for (const xid of xids) family.delete(xid);
  }

  /** Undefined: nothing tells. */
  of(xid: number, mayBeOlder: boolean): ReadonlySet<number> | undefined {
    // Nobody asks for the tables of one that began before the input and is rolled back.
    if (mayBeOlder && xid !== 0 && !this.#atEnd.has(xid)) return undefined;
    if (this.named) return new Set([xid, ...(this.#families.get(xid) ?? [])]);
    return xid === 0 ? new Set() : this.#atEnd.get(xid);
  }
}

interface End {
  readonly commits: boolean;
  readonly xid: number;
  readonly xids: readonly number[];
}

function endOf(record: WalRecord, version: WalVersion): End | undefined {
  const kind = record.rmgr === Rmgr.transaction ? endKind(record) : undefined;
  if (kind === undefined) return undefined;
  const { xids } = new TransactionRecord().read(record, version).end(record);
  return { commits: kind === "commit", xid: xids[0], xids };
}
