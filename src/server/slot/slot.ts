/*
 * Replication slots: created, advanced, dropped, and judged.
 * Law: no hint of ours drops or moves a slot that somebody may need.
 * Way in: readSlot() for one that is to be used, readSlots() in health.ts for a report on all.
 */

import type { Client } from "pg";
import { WalctlError, usageError } from "../../errors.ts";
import { walctlCommand } from "../target/paste.ts";
import { createBeside } from "./beside.ts";
import { lossOf } from "./loss.ts";
import { quoteLiteral } from "../query/sql.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { queryRows } from "../query/statement.ts";
import { type ConnectionTarget, shellQuote } from "../target/target.ts";

export const PLUGIN = "pgoutput";

/** pg_replication_slots, as far as walctl asks. */
export interface Slot {
  readonly name: string;
  /** Null: a physical slot. */
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  readonly active: boolean;
  /** Null: it is still being created, or physical. */
  readonly confirmedFlushLsn: string | null;
  /** No transaction that the slot has yet to send the end of began before that. */
  readonly restartLsn: string | null;
  /** reserved, extended, unreserved, or lost: then it is good for nothing any more. */
  readonly walStatus: string | null;
  /** Why it is lost, where the server tells (PostgreSQL 17). */
  readonly invalidationReason: string | null;
  /** Whether it is lost, in PostgreSQL 16. */
  readonly conflicting: boolean | null;
  readonly twoPhase: boolean;
  /** False before PostgreSQL 17. */
  readonly failover: boolean;
}

/** NAMEDATALEN - 1 of the characters that the server allows (manual: CREATE_REPLICATION_SLOT). */
const SLOT_NAME = /^[a-z0-9_]{1,63}$/;

/** @throws WalctlError, a usage error, before the server is asked */
export function requireSlotName(name: string): void {
  if (SLOT_NAME.test(name)) return;
  const allowed = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, 63);
  throw usageError(
    `"${name}" cannot be the name of a slot`,
    `PostgreSQL allows up to 63 lower-case letters, digits and underscores${SLOT_NAME.test(allowed) ? `: ${allowed}` : ""}`,
  );
}

/** Undefined: there is none of that name. */
export async function readSlot(client: Client, name: string): Promise<Slot | undefined> {
  const [slot] = await queryRows<Slot>(
    client,
    // Columns that older servers lack are read through JSON, where they are just missing.
    `SELECT slot_name::text AS name, plugin::text, database::text, temporary, active,
            confirmed_flush_lsn::text AS "confirmedFlushLsn", restart_lsn::text AS "restartLsn",
            wal_status AS "walStatus",
            to_jsonb(s) ->> 'invalidation_reason' AS "invalidationReason",
            (to_jsonb(s) ->> 'conflicting')::bool AS conflicting,
            two_phase AS "twoPhase", coalesce(to_jsonb(s) ->> 'failover', 'false')::bool AS failover
     FROM pg_catalog.pg_replication_slots s WHERE slot_name = ${quoteLiteral(name)}`,
    `read slot "${name}"`,
  );
  return slot;
}

/**
 * A slot that is there must be one that walctl can stream from, here.
 * @throws WalctlError, with what leads on: never a new slot in its place, since somebody may need it
 */
export async function requireUsableSlot(
  client: Client,
  slot: Slot,
  target: ConnectionTarget,
): Promise<void> {
  const fault = slotFault(slot, target);
  if (fault === undefined) return;
  const message = `slot "${slot.name}" ${fault}`;
  if (fault === BEING_CREATED) {
    const next = walctlCommand(["slots"], target);
    throw new WalctlError(message, { hint: `What it waits for: ${next}` });
  }
  const beside = await createBeside(client, target, slot.name, slot);
  if (isLost(slot)) {
    const { reason, advice } = lossOf(slot);
    const told = slot.invalidationReason === null ? "" : ` (${slot.invalidationReason})`;
    throw new WalctlError(message, {
      detail: `It is invalidated${told}: ${reason}. What was not read from it is gone for good. ${advice}`,
      hint: `drop-slot frees its name, and with it goes how far its reader had got; another slot, from now on: ${beside}`,
    });
  }
  const there =
    slot.database === null || slot.database === target.database
      ? "Whoever reads it needs it"
      : `From there it can be read: -d ${shellQuote(slot.database)}`;
  throw new WalctlError(message, { hint: `${there}. Another slot, from now on: ${beside}` });
}

/** Drops a slot of any kind. */
export async function dropSlot(client: Client, name: string): Promise<void> {
  requireSlotName(name);
  const sql = `SELECT pg_catalog.pg_drop_replication_slot(${quoteLiteral(name)})`;
  try {
    await queryRows(client, sql, `drop slot "${name}"`);
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === SqlState.objectInUse) throw await slotInUseError(client, name, error);
    if (state === SqlState.undefinedObject) throw await noSuchSlot(client, name, undefined);
    throw error;
  }
}

export const SqlState = {
  undefinedObject: "42704",
  duplicateObject: "42710",
  objectInUse: "55006",
  lockNotAvailable: "55P03",
  queryCanceled: "57014",
} as const;

/** The error for a slot that is not there. `hint`: the command that creates it. */
export async function noSuchSlot(
  client: Client,
  name: string,
  hint: string | undefined,
): Promise<WalctlError> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots ORDER BY slot_name LIMIT 20",
    "list the slots",
  );
  const names = rows.map((row) => `"${row.name}"`).join(", ");
  const detail = names === "" ? "The server has no slots." : `The server's slots: ${names}.`;
  return new WalctlError(`slot "${name}" does not exist`, { detail, hint });
}

interface Holder {
  readonly pid: number;
  readonly temporary: boolean;
  readonly application: string | null;
  readonly role: string | null;
  readonly address: string | null;
  readonly since: string | null;
}

/**
 * SQLSTATE 55006, told with who holds the slot. `client` may be the connection that was refused:
 * a walsender takes SQL again after it.
 * @param waiting the option that waits for the slot, for a command that has one
 */
export async function slotInUseError(
  client: Client,
  name: string,
  cause: unknown,
  waiting?: string,
): Promise<WalctlError> {
  const [holder] = await queryRows<Holder>(
    client,
    `SELECT s.active_pid AS pid, s.temporary, a.application_name AS application, a.usename::text AS role,
            pg_catalog.host(a.client_addr) AS address,
            pg_catalog.date_trunc('second', a.backend_start)::text AS since
     FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.slot_name = ${quoteLiteral(name)} AND s.active_pid IS NOT NULL`,
    `see who uses slot "${name}"`,
  );
  const message = `slot "${name}" is in use (SQLSTATE ${SqlState.objectInUse})`;
  if (holder === undefined) return new WalctlError(message, { hint: "Try again.", cause });
  const detail = `It is held by ${describeHolder(holder)}.`;
  return new WalctlError(message, { detail, hint: releaseHint(holder, waiting), cause });
}

function releaseHint({ pid, temporary }: Holder, waiting: string | undefined): string {
  if (temporary) return "It is temporary: it belongs to that connection, and goes when that ends.";
  if (waiting !== undefined) return `${waiting} waits until it is free; two cannot read one slot.`;
  return `Stop that program first; pg_terminate_backend(${pid}) ends its connection, which it may make again.`;
}

function describeHolder({ pid, application, role, address, since }: Holder): string {
  const parts = [
    application === null || application === "" ? undefined : `application "${application}"`,
    role === null ? undefined : `user "${role}"`,
    address === null ? undefined : `client ${address}`,
    since === null ? undefined : `connected since ${since}`,
  ].filter((part) => part !== undefined);
  return `pid ${pid}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}`;
}

const BEING_CREATED = "is still being created";

function slotFault(slot: Slot, target: ConnectionTarget): string | undefined {
  if (slot.plugin === null) return "is a physical slot";
  if (slot.plugin !== PLUGIN) return `uses the plugin "${slot.plugin}", not ${PLUGIN}`;
  if (slot.database !== target.database) {
    return `belongs to database "${slot.database}", not "${target.database}"`;
  }
  if (isLost(slot)) return "was invalidated and cannot be used any more";
  if (slot.confirmedFlushLsn === null) return BEING_CREATED;
  return undefined;
}

function isLost({ walStatus, invalidationReason, conflicting }: Slot): boolean {
  return walStatus === "lost" || invalidationReason !== null || conflicting === true;
}
