import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import type { Slot } from "../../reports.ts";
import { type Lsn, formatLsn, parseLsn } from "../../lsn.ts";
import { walctlCommand } from "../target/paste.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { mayMoveSlots, noSuchSlot, readSlot, refuseServersOwn, slotInUseError } from "./slot.ts";
import { quoteLiteral } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import { type ConnectionTarget, shellQuote } from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

export interface AdvanceOutcome {
  readonly status: "advanced" | "unchanged";
  readonly before: Lsn;
  readonly confirmedFlushLsn: Lsn;
}

/**
 * Moves a slot that nobody streams from, forward only, and not beyond what the server has written. The server does not
 * record what was sent from a slot, only whether anything was (pg_stat_replication_slots, since its last reset or
 * crash). If nothing was, this takes `force`.
 * @param asked `now`: to what the server has written
 * @throws WalctlError
 */
export async function advanceSlot(
  client: Client,
  target: ConnectionTarget,
  name: string,
  asked: Lsn | "now",
  force: boolean,
): Promise<AdvanceOutcome> {
  const slot = await readSlot(client, name);
  if (slot === undefined) throw await noSuchSlot(client, name, undefined);
  await refuseServersOwn(client, slot);
  const before = requireMovable(slot, target);
  const lsn = asked === "now" ? (await readWritten(client)).lsn : asked;
  if (lsn <= before) return { status: "unchanged", before, confirmedFlushLsn: before };
  if (asked !== "now") await requireWritten(client, lsn);
  if (!slot.active && !force) await requireSent(client, slot);
  return { status: "advanced", before, confirmedFlushLsn: await move(client, target, name, lsn) };
}

/** @returns confirmed_flush_lsn */
function requireMovable(slot: Slot, target: ConnectionTarget): Lsn {
  const { slot: name, database } = slot;
  const position = parseLsn(slot.confirmed_flush_lsn ?? "");
  if (slot.plugin === null) {
    throw new WalctlError(`slot "${name}" is a physical slot`, {
      detail:
        "What its standby has received is unknown here, and a standby that lacks removed WAL has to be rebuilt.",
    });
  }
  if (database !== null && database !== target.database) {
    throw new WalctlError(`slot "${name}" belongs to database "${database}"`, {
      hint: `It can only be moved from there: -d ${shellQuote(database)}`,
    });
  }
  if (slot.wal_status === "lost") {
    const next = walctlCommand(["slots"], target);
    throw new WalctlError(`slot "${name}" was invalidated and cannot be used any more`, {
      hint: `Why, and what to do: ${next}`,
    });
  }
  if (position === undefined) throw new WalctlError(`slot "${name}" is still being created`);
  return position;
}

/** Up to where the server can read its WAL. */
async function readWritten(client: Client): Promise<{ standby: boolean; lsn: Lsn }> {
  const [row] = await queryRows<{ standby: boolean; lsn: string }>(
    client,
    `SELECT r.standby, (CASE WHEN r.standby THEN pg_catalog.pg_last_wal_replay_lsn()
       ELSE pg_catalog.pg_current_wal_flush_lsn() END)::text AS lsn
     FROM (SELECT pg_catalog.pg_is_in_recovery() AS standby) AS r`,
    "read the server's position",
  );
  return { standby: row?.standby === true, lsn: parseLsn(row?.lsn ?? "") ?? (0n as Lsn) };
}

/** The server would stop at what it has written, without an error. */
async function requireWritten(client: Client, lsn: Lsn): Promise<void> {
  const { standby, lsn: written } = await readWritten(client);
  if (lsn <= written) return;
  const has = standby ? "replayed" : "written";
  throw new WalctlError(
    `${formatLsn(lsn)} is beyond what the server has ${has}, ${formatLsn(written)}`,
    { hint: "Give the end_lsn of a commit that was received." },
  );
}

async function requireSent(client: Client, { slot: name }: Slot): Promise<void> {
  const [statistics] = await queryRows<{ sent: boolean }>(
    client,
    `SELECT total_txns > 0 AS sent FROM pg_catalog.pg_stat_replication_slots
     WHERE slot_name = ${quoteLiteral(name)}`,
    `see whether anything was sent from slot "${name}"`,
  );
  if (statistics?.sent === true) return;
  throw new WalctlError(`nothing has been sent from slot "${name}"`, {
    detail:
      "As far as the server's statistics tell (pg_stat_replication_slots), nobody has received what would be skipped.",
    hint: "--force skips it for good: nobody can read it from this slot any more.",
  });
}

async function move(
  client: Client,
  target: ConnectionTarget,
  name: string,
  lsn: Lsn,
): Promise<Lsn> {
  try {
    const [row] = await queryRows<{ lsn: string }>(
      client,
      `SELECT end_lsn::text AS lsn
       FROM pg_catalog.pg_replication_slot_advance(${quoteLiteral(name)}, '${formatLsn(lsn)}')`,
      `advance slot "${name}"`,
      mayMoveSlots(target),
    );
    return parseLsn(row?.lsn ?? "") ?? lsn;
  } catch (error) {
    if (sqlStateOf(error) !== SqlState.objectInUse) throw error;
    throw await slotInUseError(client, name, error);
  }
}
