import type { Client } from "pg";
import { WalctlError, usageError } from "../../errors.ts";
import { CONFLICT_DETECTION, type Slot, someOf } from "../../reports.ts";
import { walctlCommand } from "../target/paste.ts";
import { type ServerVersion, capitalised, majorOf, requireVersion } from "../settings/preflight.ts";
import { type Hints, NO_WALSENDER, sqlStateOf } from "../query/server-errors.ts";
import { PLUGIN, readSlot, requireSlotName, requireUsableSlot } from "./slot.ts";
import { createSlotWords } from "./beside.ts";
import { endingOf, readForgotten } from "./open-transactions.ts";
import { type SlotSteps, SlotWait } from "./wait.ts";
import { quoteIdentifier } from "../query/sql.ts";
import { execute, queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { TIMER_MS_MAX } from "../connection/within.ts";
import { SqlState } from "../query/sqlstate.ts";

const NO_DECODING_STANDBY =
  "A standby decodes from PostgreSQL 16 on; before that connect to the primary. SELECT pg_is_in_recovery() tells which one this is.";
const NO_FAILOVER_ON_STANDBY =
  "Create it on the primary; with sync_replication_slots = on it comes to this standby from there. A slot of the standby itself: without --failover.";

export interface SlotRequest {
  readonly name: string;
  readonly temporary: boolean;
  readonly twoPhase: boolean;
  readonly failover: boolean;
}

export interface SlotOutcome {
  readonly created: boolean;
  /** Where decoding starts; for an existing slot: confirmed_flush_lsn. */
  readonly consistentPoint: string;
  readonly slot: Slot | undefined;
}

/** Throws for a name or options that a server of that version does not take, before anything is sent. */
export function checkSlotRequest(request: SlotRequest, version: ServerVersion): void {
  requireSlotName(request.name);
  if (request.name === CONFLICT_DETECTION && majorOf(version) >= 19) throw reservedName();
  if (request.twoPhase) requireVersion("--two-phase", 15, version);
  if (request.failover) requireVersion("--failover", 17, version);
}

function reservedName(): WalctlError {
  return usageError(
    `"${CONFLICT_DETECTION}" is a name that PostgreSQL keeps for itself`,
    "With a slot of that name the server keeps dead rows for subscriptions with retain_dead_tuples. Give another name.",
  );
}

/**
 * Creates the slot if it does not exist. An existing one is not altered.
 * @param client a walsender's connection; a temporary slot ends with it
 * @param missing the error to throw instead of creating the slot
 * @throws WalctlError if the existing slot cannot be used, or a new one cannot be created in time
 */
export async function ensureSlot(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  request: SlotRequest,
  steps: SlotSteps,
  missing?: () => Promise<WalctlError>,
): Promise<SlotOutcome> {
  checkSlotRequest(request, version);
  const there = await readSlot(client, request.name);
  if (there !== undefined) return await existing(client, there, target);
  if (missing !== undefined) throw await missing();
  try {
    const consistentPoint = await createSlot(client, target, version, request, steps);
    return { created: true, consistentPoint, slot: undefined };
  } catch (error) {
    // Another session created it first.
    const now =
      sqlStateOf(error) === SqlState.duplicateObject
        ? await readSlot(client, request.name)
        : undefined;
    if (now === undefined) throw error;
    return await existing(client, now, target);
  }
}

async function existing(
  client: Client,
  slot: Slot,
  target: ConnectionTarget,
): Promise<SlotOutcome> {
  await requireUsableSlot(client, slot, target);
  return { created: false, consistentPoint: slot.confirmed_flush_lsn ?? "0/0", slot };
}

async function createSlot(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  request: SlotRequest,
  steps: SlotSteps,
): Promise<string> {
  const doing = `create slot "${request.name}"`;
  const pid = await readBackendPid(client, doing);
  await execute(client, `SET lock_timeout = ${Math.ceil(steps.lockTimeoutMs)}`, doing);
  const wait = new SlotWait(target, pid, steps);
  wait.begin();
  try {
    const [row] = await queryRows<{ consistent_point: string }>(
      client,
      createSlotCommand(request, version),
      doing,
      creationHints(request, version),
    );
    return row?.consistent_point ?? "0/0";
  } catch (error) {
    throw await creationError(client, error, target, request, steps, wait.waitedFor);
  } finally {
    await wait.end();
    await execute(client, "RESET lock_timeout", doing).catch(() => {});
  }
}

function creationHints({ failover }: SlotRequest, version: ServerVersion): Hints {
  const hint = failover ? NO_FAILOVER_ON_STANDBY : NO_DECODING_STANDBY;
  const unsupported =
    majorOf(version) < 16 || failover ? { [SqlState.featureNotSupported]: hint } : {};
  return { [SqlState.syntaxError]: NO_WALSENDER, ...unsupported };
}

async function creationError(
  client: Client,
  error: unknown,
  target: ConnectionTarget,
  request: SlotRequest,
  steps: SlotSteps,
  waitedFor: string | undefined,
): Promise<unknown> {
  const detail = waitedFor === undefined ? undefined : `It waited for ${waitedFor}.`;
  if (steps.stop.aborted) {
    const message = `interrupted: slot "${request.name}" was not created`;
    return new WalctlError(message, { detail, cause: error });
  }
  if (sqlStateOf(error) !== SqlState.lockNotAvailable) return error;
  const seconds = steps.lockTimeoutMs / 1000;
  const timeout = Math.min(seconds * 10, Math.floor(TIMER_MS_MAX / 1000));
  const words = [...createSlotWords(request.name, request), "--lock-timeout", String(timeout)];
  // To wait longer for these does not help. The server waits for one transaction after the other.
  const forgotten = await readForgotten(client).catch(() => []);
  const endings = someOf(forgotten.map(endingOf), "; ");
  const again = request.temporary ? "try again" : walctlCommand(words, target);
  const longer = request.temporary
    ? "Try again when they have ended."
    : `To wait longer for them: ${again}`;
  return new WalctlError(
    `could not create slot "${request.name}" within ${seconds} s: transactions that were open before it must end first (SQLSTATE ${SqlState.lockNotAvailable})`,
    {
      detail,
      hint: endings === "" ? longer : `${capitalised(endings)}. Then: ${again}`,
      cause: error,
    },
  );
}

async function readBackendPid(client: Client, doing: string): Promise<number> {
  const [row] = await queryRows<{ pid: number }>(client, "SELECT pg_backend_pid() AS pid", doing);
  return row?.pid ?? 0;
}

/** Without a snapshot: walctl copies no tables, and an exported snapshot would hold a transaction open. */
export function createSlotCommand(request: SlotRequest, version: ServerVersion): string {
  const { name, temporary, twoPhase, failover } = request;
  const head = `CREATE_REPLICATION_SLOT ${quoteIdentifier(name)}${temporary ? " TEMPORARY" : ""} LOGICAL ${PLUGIN}`;
  if (majorOf(version) < 15) return `${head} NOEXPORT_SNAPSHOT`;
  const options = ["SNAPSHOT 'nothing'"];
  if (twoPhase) options.push("TWO_PHASE true");
  if (failover) options.push("FAILOVER true");
  return `${head} (${options.join(", ")})`;
}

/** Warns of requested options that an existing slot lacks: it is not altered unasked. */
export function missingSlotOptions(
  { slot }: SlotOutcome,
  request: SlotRequest,
): ReadonlyArray<{ readonly message: string; readonly hint: string }> {
  if (slot === undefined) return [];
  const warnings = [];
  if (request.twoPhase && !slot.two_phase) {
    warnings.push({
      message: `slot "${slot.slot}" was there already and is not two-phase`,
      hint: "A stream that asks for two_phase makes it so, for good.",
    });
  }
  if (request.failover && slot.failover !== true) {
    warnings.push({
      message: `slot "${slot.slot}" was there already and is not a failover slot`,
      hint: `On a replication connection: ALTER_REPLICATION_SLOT ${quoteIdentifier(slot.slot)} (FAILOVER true);`,
    });
  }
  return warnings;
}
