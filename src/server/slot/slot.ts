/*
 * Replication slots: created, advanced, dropped, and judged.
 * Law: no hint drops or moves a slot that somebody may need.
 * Way in: readSlot() to use one slot, readSlots() in read.ts to report on all.
 */

import type { Client } from "pg";
import { type Session, describeSession } from "../query/describe-session.ts";
import { formatByteCount } from "../../byte-count.ts";
import { WalctlError, didYouMean, usageError } from "../../errors.ts";
import { type Slot, isConflictDetection, isSynchronized } from "../../reports.ts";
import { walctlCommand } from "../target/paste.ts";
import { createBeside, optionsOf } from "./beside.ts";
import { LOSS, lossOf } from "./loss.ts";
import { readSlots } from "./read.ts";
import { Interruption } from "../query/causes.ts";
import { isDenied } from "../query/denied.ts";
import { printableIdentifier, quoteLiteral } from "../query/sql.ts";
import { type Hints, sqlStateOf } from "../query/server-errors.ts";
import { SqlState } from "../query/sqlstate.ts";
import { queryRows } from "../query/statement.ts";
import { majorOf, readServerVersion } from "../settings/preflight.ts";
import { type ConnectionTarget, shellQuote } from "../target/target.ts";

export const PLUGIN = "pgoutput";

/** No slot can have this name: the server asks for the right to drop slots before it looks for it. */
const NO_SLOT = "DRY RUN";

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

/** Undefined: no slot has that name. */
export async function readSlot(client: Client, name: string): Promise<Slot | undefined> {
  const [slot] = await readSlots(client, name);
  return slot;
}

/**
 * Checks that walctl can stream from an existing slot, in this database.
 * @throws WalctlError, whose hint never replaces the slot, since somebody may need it
 */
export async function requireUsableSlot(
  client: Client,
  slot: Slot,
  target: ConnectionTarget,
): Promise<void> {
  const fault = slotFault(slot, target);
  if (fault === undefined) return;
  const message = `slot "${slot.slot}" ${fault}`;
  if (fault === BEING_CREATED) {
    const next = walctlCommand(["slots"], target);
    throw new WalctlError(message, { hint: `What it waits for: ${next}` });
  }
  const beside = await createBeside(client, target, slot.slot, optionsOf(slot));
  if (fault === SYNCHRONIZED) {
    throw new WalctlError(message, {
      detail: "This replication slot is being synchronized from the primary server.",
      hint: `Read it on the primary. Another slot, here, from now on: ${beside}`,
      cause: new Interruption("slotSynchronized", message),
    });
  }
  const loss = lossOf(slot);
  if (loss !== undefined) {
    const told = slot.invalidation_reason === null ? "" : ` (${slot.invalidation_reason})`;
    throw new WalctlError(message, {
      detail: `It is invalidated${told}: ${loss.reason}. ${LOSS.effect} ${loss.advice}`,
      hint: `${LOSS.drop}; another slot, from now on: ${beside}`,
    });
  }
  const there =
    slot.database === null || slot.database === target.database
      ? "Its reader needs it"
      : `From there it can be read: ${walctlCommand(["tail", "-S", slot.slot], target, slot.database)}`;
  throw new WalctlError(message, { hint: `${there}. Another slot, from now on: ${beside}` });
}

/**
 * Checks that a slot which exists is of this database: publications are looked for, and created, in the slot's own.
 * @param name undefined: a temporary slot, which is of this database
 * @throws WalctlError, as requireUsableSlot()
 */
export async function requireOwnDatabase(
  client: Client,
  target: ConnectionTarget,
  name: string | undefined,
): Promise<void> {
  const slot = name === undefined ? undefined : await readSlot(client, name);
  if (slot === undefined || slot.database === target.database) return;
  await requireUsableSlot(client, slot, target);
}

interface DropSteps {
  /** Ask the server only whether the role may drop slots. */
  readonly dryRun: boolean;
  /** A physical slot too. */
  readonly force: boolean;
}

/**
 * Drops a slot, and says what it was.
 * @throws WalctlError if it does not exist, is in use, is synchronized, belongs to another database, or is physical
 */
export async function dropSlot(
  client: Client,
  target: ConnectionTarget,
  name: string,
  { dryRun, force }: DropSteps,
): Promise<Slot> {
  requireSlotName(name);
  const slot = await readSlot(client, name);
  if (slot === undefined) throw await noSuchSlot(client, name, undefined);
  if (slot.database !== null && slot.database !== target.database) {
    throw new WalctlError(`slot "${name}" belongs to database "${slot.database}"`, {
      detail: `${heldText(slot)}.`,
      hint: `It can only be dropped from there: -d ${shellQuote(slot.database)}`,
    });
  }
  if (isSynchronized(slot)) {
    throw new WalctlError(
      `slot "${name}" is synchronized from the primary, and cannot be dropped here`,
      {
        hint: "Drop it on the primary; the standby then drops it too.",
      },
    );
  }
  await refuseServersOwn(client, slot);
  if (slot.type === "physical" && !slot.active && !force) {
    throw new WalctlError(
      `slot "${name}" is a physical slot: a standby or pg_receivewal needs it`,
      {
        detail:
          lossOf(slot) === undefined
            ? `${heldText(slot)}. Once it is dropped, the server removes WAL that its standby may not have; the standby then has to be rebuilt.`
            : `${heldText(slot)}.`,
        hint: "--force drops it, if nobody needs it any more.",
      },
    );
  }
  if (dryRun && slot.active) throw await slotInUseError(client, name, undefined);
  const dropped = dryRun ? NO_SLOT : name;
  const sql = `SELECT pg_catalog.pg_drop_replication_slot(${quoteLiteral(dropped)})`;
  try {
    await queryRows(client, sql, `drop slot "${name}"`, mayMoveSlots(target));
  } catch (error) {
    const state = sqlStateOf(error);
    if (dryRun && state === SqlState.undefinedObject) return slot;
    if (state === SqlState.objectInUse) throw await slotInUseError(client, name, error);
    if (state === SqlState.undefinedObject) throw await noSuchSlot(client, name, undefined);
    throw error;
  }
  return slot;
}

/** @throws WalctlError if the server made the slot for itself: nobody else may move or drop it */
export async function refuseServersOwn(client: Client, slot: Slot): Promise<void> {
  if (!isConflictDetection(slot) || majorOf(await readServerVersion(client)) < 19) return;
  throw new WalctlError(`slot "${slot.slot}" belongs to the server itself`, {
    detail: "With it the server keeps dead rows for subscriptions with retain_dead_tuples.",
    hint: "The server drops it when no subscription has retain_dead_tuples any more.",
  });
}

/** For advancing and dropping one. */
export function mayMoveSlots({ user }: ConnectionTarget): Hints {
  const right = `As a superuser: ALTER ROLE ${printableIdentifier(user)} REPLICATION`;
  return { [SqlState.insufficientPrivilege]: right };
}

/** What dropping a slot costs, or has cost. */
export function heldText(slot: Slot, isDropped = false): string {
  const { confirmed_flush_lsn: confirmed, retained_bytes: kept, lag_bytes: lag } = slot;
  const loss = lossOf(slot);
  if (loss !== undefined) return `It was invalidated: ${loss.reason}`;
  const [retains, has] = isDropped ? ["retained", "had"] : ["retains", "has"];
  const held = `It ${retains} ${kept === null ? "no" : `${formatByteCount(kept)} of`} WAL`;
  if (confirmed === null) return held;
  const reader = `${held}; its reader (tail, a subscription or another program) ${has} confirmed`;
  if (lag === 0) return `${reader} everything`;
  return `${reader} up to ${confirmed}, and not the ${formatByteCount(lag ?? 0)} after that`;
}

/** The most slots that an error names. */
const SLOTS_NAMED = 20;

/** The error for a slot that does not exist. `hint` is the command that creates it. */
export async function noSuchSlot(
  client: Client,
  name: string,
  hint: string | undefined,
): Promise<WalctlError> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots ORDER BY slot_name",
    "list the slots",
  );
  const names = rows.map((row) => row.name);
  const detail =
    names.length === 0
      ? "The server has no slots."
      : `The server's slots: ${names
          .slice(0, SLOTS_NAMED)
          .map((each) => `"${each}"`)
          .join(", ")}.`;
  return new WalctlError(`slot "${name}" does not exist`, {
    detail,
    hint: didYouMean(name, names, hint),
  });
}

interface Holder extends Session {
  readonly temporary: boolean;
  readonly address: string | null;
  readonly since: string | null;
}

/**
 * The error for object_in_use, with the session that holds the slot. `client` may be the connection that got that
 * error: a walsender takes SQL again after it.
 * @param waiting the command's option that waits for the slot, if it has one
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
  ).catch((error: unknown) => {
    if (isDenied(error)) return [];
    throw error;
  });
  const message = `slot "${name}" is in use (SQLSTATE ${SqlState.objectInUse})`;
  if (holder === undefined) return new WalctlError(message, { hint: "Try again.", cause });
  const { address, since } = holder;
  const session = describeSession(holder, [
    address === null ? null : `client ${address}`,
    since === null ? null : `connected since ${since}`,
  ]);
  const detail = `It is held by ${session}.`;
  return new WalctlError(message, { detail, hint: releaseHint(holder, waiting), cause });
}

function releaseHint({ pid, temporary }: Holder, waiting: string | undefined): string {
  if (temporary) return "It is temporary: it belongs to that connection, and goes when that ends.";
  if (waiting !== undefined) return `${waiting} waits until it is free; two cannot read one slot.`;
  return `Stop that program first; pg_terminate_backend(${pid}) ends its connection, which it may make again.`;
}

const BEING_CREATED = "is still being created";
export const SYNCHRONIZED =
  "is synchronized from the primary, and cannot be read here before this standby is promoted";

function slotFault(slot: Slot, target: ConnectionTarget): string | undefined {
  if (slot.plugin === null) return "is a physical slot";
  if (slot.plugin !== PLUGIN) return `uses the plugin "${slot.plugin}", not ${PLUGIN}`;
  if (slot.database !== target.database) {
    return `belongs to database "${slot.database}", not "${target.database}"`;
  }
  if (lossOf(slot) !== undefined) return "was invalidated and cannot be used any more";
  if (isSynchronized(slot)) return SYNCHRONIZED;
  if (slot.confirmed_flush_lsn === null) return BEING_CREATED;
  return undefined;
}
