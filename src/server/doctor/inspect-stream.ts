/** Reads what doctor needs to know about everything that a stream uses: SQL → plain data, for the findings. */
import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import type { Slot } from "../../reports.ts";
import { connectBeside } from "../connection/connect.ts";
import { type PublicationState, hasSequencesOnly } from "../publication/plan.ts";
import { type IdentityFault, findIdentityFaults } from "../publication/replica-identity.ts";
import { listPublications, readPublication } from "../publication/state.ts";
import { type Suggestion, suggestPublication } from "../publication/suggestion.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { quoteIdentifier, quoteLiteral, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { type SlotSettings, readSlotSettings, readSlots } from "../slot/read.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** What to check besides the server itself; an empty list means all. */
export interface Scope {
  readonly publications: readonly string[];
  readonly slots: readonly string[];
}

export interface ConnectionFacts {
  /** The session's process id differs from the one named at login. */
  readonly pooled: boolean;
  /** Where the server itself listens; null for a socket. */
  readonly host: string | null;
  readonly port: number | null;
  /** Why a replication connection was refused. */
  readonly refusal: Refusal | undefined;
  /** The faulty lines of pg_hba.conf; undefined if the role may not read it. */
  readonly hbaFaults: readonly HbaFault[] | undefined;
}

interface Refusal {
  readonly sqlState: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

interface HbaFault {
  readonly line_number: number;
  readonly error: string;
}

export async function inspectConnection(
  client: Client,
  target: ConnectionTarget,
): Promise<ConnectionFacts> {
  const [session] = await queryRows<{ pid: number; host: string | null; port: number | null }>(
    client,
    `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.inet_server_port() AS port,
       pg_catalog.host(pg_catalog.inet_server_addr()) AS host`,
    "ask for the session's process id and address",
  );
  return {
    pooled: session?.pid !== Reflect.get(client, "processID"),
    host: session?.host ?? null,
    port: session?.port ?? null,
    refusal: await tryReplication(target),
    hbaFaults: await readHbaFaults(client),
  };
}

async function tryReplication(target: ConnectionTarget): Promise<Refusal | undefined> {
  let walsender: Client | undefined;
  try {
    walsender = await connectBeside(target, "logical");
    await queryRows(walsender, "IDENTIFY_SYSTEM", "speak the replication protocol");
    return undefined;
  } catch (error) {
    if (!(error instanceof WalctlError)) throw error;
    return { sqlState: sqlStateOf(error), message: error.message, hint: error.hint };
  } finally {
    await walsender?.end().catch(() => {});
  }
}

export const HBA_FAULTS =
  "SELECT line_number, error FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL";

/** Only superusers may read them, and roles that they allow to. */
async function readHbaFaults(client: Client): Promise<readonly HbaFault[] | undefined> {
  const [rights] = await queryRows<{ readable: boolean }>(
    client,
    `SELECT pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')
       AND pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT') AS readable`,
    "see whether pg_hba.conf may be read",
  );
  if (rights?.readable !== true) return undefined;
  return await queryRows<HbaFault & Record<string, unknown>>(
    client,
    HBA_FAULTS,
    "read pg_hba.conf",
  );
}

export interface PublicationFacts {
  readonly name: string;
  /** Undefined if it does not exist. */
  readonly state: PublicationState | undefined;
  /** The database's publications. */
  readonly existing: readonly string[];
  readonly tables: readonly TableFacts[];
  readonly identityFaults: readonly IdentityFault[];
  /** How to create it or add tables to it, if that is needed. */
  readonly suggestion: Suggestion | undefined;
}

interface TableFacts {
  readonly schema: string;
  readonly table: string;
  readonly readable: boolean;
}

/** A suggestion if there is no publication at all. */
export type PublicationsFacts = readonly PublicationFacts[] | Suggestion;

/** @param only the names to check; empty: all publications of the database */
export async function inspectPublications(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  only: readonly string[],
): Promise<PublicationsFacts> {
  const existing = await listPublications(client);
  const names = only.length === 0 ? existing : only;
  if (names.length === 0) return await suggestPublication(client, target, version, "walctl");
  const all: PublicationFacts[] = [];
  for (const name of names) {
    const state = await readPublication(client, name, version);
    const tables = state === undefined ? [] : await readTables(client, name);
    const faults = state && (await findIdentityFaults(client, version, name, state));
    const open =
      state !== undefined &&
      (state.allTables || state.schemas.length > 0 || hasSequencesOnly(state));
    const suggestion =
      tables.length > 0 || open
        ? undefined
        : await suggestPublication(client, target, version, name, state);
    all.push({ name, state, existing, tables, identityFaults: faults ?? [], suggestion });
  }
  return all;
}

async function readTables(client: Client, publication: string): Promise<readonly TableFacts[]> {
  return await queryRows<TableFacts & Record<string, unknown>>(
    client,
    `SELECT n.nspname::text AS schema, c.relname::text AS table,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
     FROM pg_catalog.pg_publication_tables p
     JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
     WHERE p.pubname = ${quoteLiteral(publication)} ORDER BY 1, 2`,
    `list the tables of publication ${quoteIdentifier(publication)}`,
  );
}

export interface SlotsFacts {
  readonly slots: readonly Slot[];
  readonly settings: SlotSettings;
  /** Pairs of the given slots and publications where the slot may be older than the publication. */
  readonly inDoubt: ReadonlyArray<{ readonly slot: string; readonly publication: string }>;
}

export async function inspectSlots(
  client: Client,
  { slots, publications }: Scope,
): Promise<SlotsFacts> {
  return {
    slots: await readSlots(client),
    settings: await readSlotSettings(client),
    // The server does not know which slot is read for which publication; only a user who names both does.
    inDoubt:
      slots.length > 0 && publications.length > 0
        ? await readOrder(client, slots, publications)
        : [],
  };
}

/**
 * A slot sees a publication only from the point where that was created. The catalogue does not record that point, but
 * the transaction that last wrote the publication's row: if it is older than everything that the slot still needs, the
 * publication came first. Otherwise the order is unknown: a slot that is created while an older one exists may need as
 * much.
 */
async function readOrder(
  client: Client,
  slots: readonly string[],
  publications: readonly string[],
): Promise<SlotsFacts["inDoubt"]> {
  return await queryRows<{ slot: string; publication: string }>(
    client,
    `SELECT s.slot_name::text AS slot, p.pubname::text AS publication
     FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_publication p
     WHERE s.slot_name = ANY (${quoteTextArray(slots)})
       AND p.pubname = ANY (${quoteTextArray(publications)})
       AND pg_catalog.age(p.xmin) BETWEEN 0 AND pg_catalog.age(s.catalog_xmin)
     ORDER BY 1, 2`,
    "compare the slots with the publications",
  );
}
