import { INVALID_LSN, type Lsn, parseLsn } from "../../lsn.ts";

/** Everything that transactions before `xid` did is in the WAL before `position`. */
export interface Horizon {
  readonly xid: number;
  readonly position: Lsn;
}

/** Nothing is known to precede it. 3 is the first xid that a transaction can have. */
export const NO_HORIZON: Horizon = { xid: 3, position: INVALID_LSN };

/** On a standby the catalogue is as recent as the replayed WAL. */
export const CATALOGUE_POSITION = `(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
  ELSE pg_catalog.pg_current_wal_insert_lsn() END)::text`;

/** An SQL expression that gives `xid position`. A statement takes its snapshot before it evaluates anything. */
export const HORIZON = `pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text || ' ' || ${CATALOGUE_POSITION}`;

export function parseHorizon(text = ""): Horizon {
  const [xid = "", position = ""] = text.split(" ");
  const lsn = parseLsn(position);
  if (!/^\d+$/.test(xid) || lsn === undefined) return NO_HORIZON;
  // Without its epoch, as in rows.
  return { xid: Number(BigInt.asUintN(32, BigInt(xid))), position: lsn };
}
