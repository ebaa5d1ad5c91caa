/*
 * Prepares a stream: finds or creates publication and slot, decides where to start, and checks that server and log are
 * those seen before.
 * Law: changes that would be skipped are an error unless --allow-gap.
 * Way in: bootstrap() for the first connection, Continuation for every connection.
 */

import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { WalctlError, didYouMean, usageError } from "../../errors.ts";
import { INVALID_LSN, type Lsn, parseLsn, unpadded } from "../../lsn.ts";
import { walctlCommand } from "../target/paste.ts";
import {
  type ServerVersion,
  findWalLevelFault,
  firstSlotText,
  majorOf,
  readVersionAndLevels,
} from "../settings/preflight.ts";
import { NO_SEQUENCES, type PublicationPlan } from "../publication/plan.ts";
import { surveyPublications } from "../publication/state.ts";
import { noSuchSlot, readSlot, requireOwnDatabase } from "../slot/slot.ts";
import { createBeside, createSlotWords } from "../slot/beside.ts";
import {
  type SlotOutcome,
  type SlotRequest,
  checkSlotRequest,
  ensureSlot,
} from "../slot/creation.ts";
import { quoteIdentifier } from "../query/sql.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** What has to exist before a stream can start. */
export interface BootstrapRequest {
  readonly publications: readonly string[];
  /** Undefined: a temporary slot with its own name, on this connection. */
  readonly slot: string | undefined;
  /** For a slot that is created: decode prepared transactions at PREPARE. */
  readonly twoPhase: boolean;
  /** Create what is missing: --bootstrap. */
  readonly createMissing: boolean;
  /** Whether logical decoding messages are requested; they need no tables. */
  readonly messages: boolean;
  /** The definition of a publication to create; undefined if none was given. */
  readonly plan: PublicationPlan | undefined;
  /** How long creating a slot may wait for each transaction; 0: without limit. */
  readonly lockTimeoutMs: number;
  readonly stop: AbortSignal;
  /** Called with the transactions that the server waits for while it creates a slot. */
  readonly onWaiting: (text: string) => void;
  /** Called when the publication was created. */
  readonly onCreated?: (publication: string) => void;
  /** Called for each completed step: `created publication "p"`. */
  readonly onNotice: (text: string) => void;
  /** Called for something that may do harm, with a fix. */
  readonly onWarning: (text: string) => void;
}

/** The data for START_REPLICATION. */
export interface BootstrapOutcome {
  readonly serverVersion: ServerVersion;
  readonly slotName: string;
  /** The slot ends with the connection. */
  readonly temporary: boolean;
  /** The server sends prepared transactions at PREPARE: a two-phase slot does so whether the stream asks or not. */
  readonly twoPhase: boolean;
  readonly slotCreated: boolean;
  /** A new slot's consistent point, or the slot's confirmed_flush_lsn, as pg_lsn prints it. */
  readonly slotPosition: string;
  /** No transaction that is still to end began before it: restart_lsn, or a new slot's consistent point. */
  readonly oldest: Lsn;
}

/**
 * Checks the publications and creates missing ones if requested, then the slot. The order matters: a slot sees a
 * publication only if that was created first.
 * @param client a walsender's connection, on which the stream will start; no other connection is left open
 * @throws WalctlError whose hint is the command that creates what is missing
 */
export async function bootstrap(
  client: Client,
  target: ConnectionTarget,
  request: BootstrapRequest,
): Promise<BootstrapOutcome> {
  const { version: serverVersion, levels } = await readVersionAndLevels(client);
  const slot = slotRequestOf(request);
  checkSlotRequest(slot, serverVersion);
  const fault = await findWalLevelFault(client, target, serverVersion, levels);
  if (fault !== undefined) throw fault;
  const createdPublication = await ensurePublications(client, target, serverVersion, request);
  const outcome = await bootstrapSlot(client, target, serverVersion, slot, request);
  if (outcome.created && !slot.temporary) {
    request.onNotice(`created slot "${slot.name}" at ${unpadded(outcome.consistentPoint)}`);
  }
  const cost = outcome.created ? firstSlotText(levels) : undefined;
  if (cost !== undefined) request.onNotice(`wal_level is ${levels.wal_level}: ${cost}`);
  if (createdPublication && !outcome.created) {
    request.onWarning(
      `slot "${slot.name}" is older than the publication, and what changed in between cannot be decoded for it; if the stream fails, another slot helps, beside it: ${await createBeside(client, target, slot.name)}`,
    );
  }
  return {
    serverVersion,
    slotName: slot.name,
    temporary: slot.temporary,
    // In 14 pgoutput has no such messages, whatever the slot is.
    twoPhase: slot.twoPhase || (majorOf(serverVersion) >= 15 && outcome.slot?.two_phase === true),
    slotCreated: outcome.created,
    slotPosition: outcome.consistentPoint,
    oldest: parseLsn(outcome.slot?.restart_lsn ?? outcome.consistentPoint) ?? INVALID_LSN,
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

/** Returns whether it created a publication. */
async function ensurePublications(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  request: BootstrapRequest,
): Promise<boolean> {
  const { publications, plan, createMissing } = request;
  const there = await surveyPublications(client, version);
  const names = there.map(({ name }) => name);
  const missing = publications.find(
    (name) => !names.includes(name) && !(createMissing && plan?.name === name),
  );
  if (missing !== undefined || createMissing)
    await requireOwnDatabase(client, target, request.slot);
  if (missing !== undefined) {
    if (createMissing && plan === undefined) throw nothingToPublish(missing);
    throw await missingPublication(client, target, version, missing, names, request.slot);
  }
  if (createMissing && plan !== undefined) {
    return await ensurePlanned(client, target, version, plan, request);
  }
  const read = publications.flatMap((name) => there.filter((each) => each.name === name));
  if (read.every(({ empty }) => empty) && !request.messages) request.onWarning(emptyText(read));
  return false;
}

function emptyText(read: Awaited<ReturnType<typeof surveyPublications>>): string {
  const names = read.map(({ name }) => quoteIdentifier(name)).join(", ");
  const [subject, verb] =
    read.length === 1 ? ["publication", "publishes"] : ["publications", "publish"];
  if (read.every(({ sequences }) => sequences)) {
    return `${subject} ${names} ${verb} sequences and no tables, so nothing will come: ${NO_SEQUENCES}; -P names a publication of tables`;
  }
  const sequences = read.some((each) => each.sequences) ? " that pgoutput sends" : "";
  return `${subject} ${names} ${verb} nothing${sequences}, so nothing will come; ALTER PUBLICATION … ADD TABLE adds tables`;
}

async function ensurePlanned(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
  request: BootstrapRequest,
): Promise<boolean> {
  // Loaded only if a publication may have to be created: loading delays every start of tail.
  const { differentPublication, setUpPublication } = await import("../publication/publication.ts");
  const steps = { sync: false, dryRun: false, replicaIdentityFull: false, force: false };
  const outcome = await setUpPublication(client, target, version, plan, steps);
  for (const { message, hint } of outcome.warnings) request.onWarning(`${message}; ${hint}`);
  if (outcome.status === "different") throw differentPublication(target, plan, steps, outcome);
  const created = outcome.status === "created";
  if (created) {
    request.onNotice(`created publication ${quoteIdentifier(plan.name)}`);
    request.onCreated?.(plan.name);
  }
  return created;
}

function nothingToPublish(name: string): WalctlError {
  return usageError(
    `publication ${quoteIdentifier(name)} does not exist, and no tables were given for it`,
    "Give -t 'schema.table' (may be repeated), --schema NAME or --all-tables.",
  );
}

async function missingPublication(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
  there: readonly string[],
  slot: string | undefined,
): Promise<WalctlError> {
  const names = there.map(quoteIdentifier).join(", ");
  const database = `database "${target.database}"`;
  const known =
    names === ""
      ? `There are no publications in ${database}.`
      : `The publications of ${database}: ${names}.`;
  const message = `publication ${quoteIdentifier(name)} does not exist`;
  const meant = didYouMean(name, there);
  if (meant !== undefined) return new WalctlError(message, { detail: known, hint: meant });
  const { suggestPublication, suggestionText } = await import("../publication/suggestion.ts");
  const suggestion = suggestionText(await suggestPublication(client, target, version, name));
  const older = slot === undefined ? undefined : await readSlot(client, slot);
  const more =
    older === undefined || older.wal_status === "lost"
      ? ""
      : ` Slot "${older.slot}" cannot decode what it holds for a publication that is created now, and keeps it. Create the publication first, then another slot for it: ${await createBeside(client, target, older.slot)}`;
  return new WalctlError(message, { detail: `${known}${more}`, hint: suggestion });
}

async function bootstrapSlot(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  slot: SlotRequest,
  request: BootstrapRequest,
): Promise<SlotOutcome> {
  if (request.createMissing || slot.temporary) {
    return await ensureSlot(client, target, version, slot, request);
  }
  const missing = async (): Promise<WalctlError> => {
    const create = walctlCommand(createSlotWords(slot.name, slot), target);
    const hint = `A new slot begins now: what was written before, also since a slot of that name was dropped, is not streamed. To create it: ${create}`;
    return await noSuchSlot(client, slot.name, hint);
  };
  return await ensureSlot(client, target, version, slot, request, missing);
}
