import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { WalctlError, usageError } from "../errors.ts";
import { walctlCommand } from "./paste.ts";
import { type ServerVersion, findWalLevelFault, readServerVersion } from "./preflight.ts";
import { differentPublication, setUpPublication } from "./publication.ts";
import type { PublicationPlan } from "./publication-plan.ts";
import { listPublications } from "./publication-state.ts";
import { noSuchSlot, readSlot } from "./slot.ts";
import { type SlotOutcome, type SlotRequest, checkSlotRequest, ensureSlot } from "./slot-creation.ts";
import { quoteIdentifier } from "./sql.ts";
import type { ConnectionTarget } from "./target.ts";

/** What has to be there before a stream can start. */
export interface BootstrapRequest {
  readonly publications: readonly string[];
  /** Undefined: a temporary slot with a name of its own, on this connection. */
  readonly slot: string | undefined;
  /** For a slot that is created here. */
  readonly twoPhase: boolean;
  /** Create what is missing: --bootstrap. */
  readonly createMissing: boolean;
  /** What the publication of that name is to be; undefined: nothing was said. */
  readonly plan: PublicationPlan | undefined;
  /** How long the creation of a slot may wait for any one transaction; 0: for as long as it takes. */
  readonly lockTimeoutMs: number;
  readonly stop: AbortSignal;
  /** Told whom the server waits for while it creates a slot. */
  readonly onWaiting: (text: string) => void;
  /** Told what has been done: `created publication "p"`. */
  readonly onNotice: (text: string) => void;
  readonly onWarning: (text: string) => void;
}

/** What START_REPLICATION needs. */
export interface BootstrapOutcome {
  readonly serverVersion: ServerVersion;
  readonly slotName: string;
  readonly temporary: boolean;
  readonly slotCreated: boolean;
  /** Of a new slot its consistent point, else its confirmed_flush_lsn, as pg_lsn prints it. */
  readonly slotPosition: string;
  /** Whether the slot itself is two-phase, and so the stream will be. */
  readonly slotTwoPhase: boolean;
}

/**
 * Checks the publications, creates what is missing where that is asked; then the same for the
 * slot: in this order, since a slot sees a publication only if that came first.
 * @param client a walsender's connection, on which the stream is to be started; nothing is left open beside it
 * @throws WalctlError whose hint is the command that creates what is missing
 */
export async function bootstrap(
  client: Client,
  target: ConnectionTarget,
  request: BootstrapRequest,
): Promise<BootstrapOutcome> {
  const serverVersion = await readServerVersion(client);
  const slotRequest = slotRequestOf(request);
  checkSlotRequest(slotRequest, serverVersion);
  const fault = await findWalLevelFault(client, target, serverVersion);
  if (fault !== undefined) throw fault;
  await ensurePublications(client, target, serverVersion, request);
  const slot = await bootstrapSlot(client, target, serverVersion, slotRequest, request);
  if (slot.created && !slotRequest.temporary) {
    request.onNotice(`created slot "${slotRequest.name}" at ${slot.consistentPoint}`);
  }
  return {
    serverVersion,
    slotName: slotRequest.name,
    temporary: slotRequest.temporary,
    slotCreated: slot.created,
    slotPosition: slot.consistentPoint,
    slotTwoPhase: slot.slot?.twoPhase ?? slotRequest.twoPhase,
  };
}

function slotRequestOf({ slot, twoPhase }: BootstrapRequest): SlotRequest {
  return {
    name: slot ?? `walctl_${randomBytes(8).toString("hex")}`,
    temporary: slot === undefined,
    twoPhase,
    failover: false,
  };
}

async function ensurePublications(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  request: BootstrapRequest,
): Promise<void> {
  const { publications, plan, createMissing } = request;
  const there = new Set(await listPublications(client));
  for (const name of publications) {
    if (createMissing && plan?.name === name) {
      await ensurePlanned(client, target, version, plan, request);
    } else if (!there.has(name)) {
      throw missingPublication(target, name, [...there], createMissing);
    }
  }
}

async function ensurePlanned(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
  request: BootstrapRequest,
): Promise<void> {
  const steps = { sync: false, dryRun: false, replicaIdentityFull: false };
  const outcome = await setUpPublication(client, target, version, plan, steps);
  for (const warning of outcome.warnings) request.onWarning(warning);
  if (outcome.status === "created") {
    request.onNotice(`created publication ${quoteIdentifier(plan.name)}`);
  }
  if (outcome.status === "different") throw differentPublication(target, plan, outcome.differences);
}

function missingPublication(
  target: ConnectionTarget,
  name: string,
  there: readonly string[],
  createMissing: boolean,
): WalctlError {
  const message = `publication ${quoteIdentifier(name)} does not exist`;
  if (createMissing) {
    const hint = "Say what it is to publish: -t 'schema.table' (may be repeated), --schema NAME or --all-tables.";
    return usageError(message, hint);
  }
  const names = there.map(quoteIdentifier).join(", ");
  const detail =
    names === ""
      ? `Database "${target.database}" has no publications.`
      : `The publications of database "${target.database}": ${names}.`;
  const command = walctlCommand(["setup-publication", name, "--all-tables"], target);
  return new WalctlError(message, {
    detail,
    hint: `To create it (or for some tables only: -t 'schema.table' in place of --all-tables): ${command}`,
  });
}

async function bootstrapSlot(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  slot: SlotRequest,
  request: BootstrapRequest,
): Promise<SlotOutcome> {
  const mayCreate = request.createMissing || slot.temporary;
  if (!mayCreate && (await readSlot(client, slot.name)) === undefined) {
    const words = ["create-slot", slot.name, ...(slot.twoPhase ? ["--two-phase"] : [])];
    const hint = `To create it, from now on: ${walctlCommand(words, target)}`;
    throw await noSuchSlot(client, slot.name, hint);
  }
  return await ensureSlot(client, target, version, slot, request);
}
