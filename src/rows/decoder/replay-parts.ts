import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { PgoutputMessage } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { CatalogOverTime, Owner } from "../catalog/history.ts";
import type { KeptValues } from "../toast/chunks.ts";
import type { Losses } from "./losses.ts";
import type { AskedRows } from "./row-options.ts";

/** A transaction, or a rolled-back savepoint, whose end was read. */
export interface EndedTransaction {
  readonly xid: number;
  readonly owner: Owner;
  /** The start of the record that ends it. */
  readonly start: number;
  readonly end: number;
  readonly time: PgTime;
  readonly aborted: boolean;
  readonly partial: boolean;
  /** One of its records is logged for decoding: then all of its changes are. */
  readonly logged: boolean;
  /** 0 if none. */
  readonly originId: number;
  readonly originLsn: Lsn;
}

export interface ReplayParts {
  readonly catalog: CatalogOverTime;
  readonly registry: TypeRegistry;
  readonly losses: Losses;
  /** Values kept beyond their transaction, if old rows are needed. */
  readonly kept: KeptValues;
  readonly asked: AskedRows;
  readonly messages: boolean;
  readonly tablesChanged: boolean;
  /** Whether a change is printed with its whole old row. */
  readonly fullOld: (logged: boolean) => boolean;
  readonly send: (message: PgoutputMessage) => void;
}
