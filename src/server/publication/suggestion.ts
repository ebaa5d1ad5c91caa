/** For hints: a command that creates a publication of existing tables whose updates keep working. */
import type { Client } from "pg";
import { walctlCommand } from "../target/paste.ts";
import { planFlags } from "./plan-flags.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { plannedOptions } from "./diff.ts";
import type { PublicationOptions, PublicationPlan, PublishedTable } from "./plan.ts";
import { findIdentityFaults } from "./replica-identity.ts";
import { quoteIdentifier, quoteLiteral } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** One line has room for this many. */
const TABLES_MAX = 3;
const LOOK_AT_MAX = 100;

export interface Suggestion {
  readonly words: string;
  /** Null: the database has no tables to name. */
  readonly command: string | null;
}

/** Besides the tables. */
const NOTHING = { allTables: false, excluded: [], allSequences: false, schemas: [] };

/**
 * Only tables that the role owns, and only what it may do with them; else a superuser's command.
 * @param options the options of an existing publication without tables; undefined: the publication does not exist
 */
export async function suggestPublication(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
  options?: PublicationOptions,
): Promise<Suggestion> {
  const rights = await readRights(client, options === undefined ? undefined : name);
  const all = await readCandidates(client);
  const own = all.filter(({ owned }) => owned);
  const may = rights.may && (own.length > 0 || all.length === 0);
  const candidates = may ? own : all;
  if (candidates.length === 0) {
    const words = `Database "${target.database}" has no tables yet that could be published.`;
    return { words, command: null };
  }
  const plan: PublicationPlan = {
    name,
    schemas: [],
    allTables: false,
    excluded: [],
    allSequences: false,
    publish: options?.publish,
    viaPartitionRoot: options?.viaPartitionRoot ?? false,
    generatedColumns: options?.generatedColumns === "stored" ? "stored" : undefined,
    tables: [],
  };
  const state = { ...plannedOptions(plan), ...NOTHING, tables: candidates };
  const faults = await findIdentityFaults(client, version, name, state);
  const sound = candidates.filter(({ oid }) => faults.every(({ root }) => root !== oid));
  // If updates of every table would be rejected, take a table whose fault the command can fix.
  const fixable = candidates.find(({ oid }) =>
    faults.every(({ root, full }) => root !== oid || full !== undefined),
  );
  const tables = sound.length > 0 ? sound.slice(0, TABLES_MAX) : fixable ? [fixable] : [];
  if (tables.length === 0) {
    const words = `Of every table in database "${target.database}" the server would then reject updates: none has a replica identity that identifies its rows.`;
    return { words, command: null };
  }
  const flags = planFlags({ ...plan, tables: tables.map(specOf) });
  const identity = sound.length > 0 ? [] : ["--replica-identity", "full"];
  const sync = options === undefined ? [] : ["--sync"];
  const user = quoteIdentifier(target.user);
  const create = rights.superuser ? "To create it" : `For tables that ${user} owns`;
  const allowed = options === undefined ? create : "To add tables";
  const aim = may ? allowed : `${user} may not publish these tables; a superuser may`;
  const as = may ? target : { ...target, user: rights.administrator };
  return {
    words: `${aim} (your tables in place of these; -t may be repeated)`,
    command: walctlCommand(["setup-publication", name, ...flags, ...identity, ...sync], as),
  };
}

/** The words and the command as a hint. */
export function suggestionText({ words, command }: Suggestion): string {
  return command === null ? words : `${words}: ${command}`;
}

function specOf({ schema, name }: PublishedTable): PublicationPlan["tables"][number] {
  return { schema, name, columns: undefined, where: undefined };
}

interface Rights {
  readonly superuser: boolean;
  /** Whether the role may create a publication, or alter that one, of its own tables. */
  readonly may: boolean;
  readonly administrator: string;
}

/** @param publication that is to be altered; undefined: it is to be created */
async function readRights(client: Client, publication: string | undefined): Promise<Rights> {
  const may =
    publication === undefined
      ? "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
      : `EXISTS (SELECT FROM pg_catalog.pg_publication
           WHERE pubname = ${quoteLiteral(publication)} AND pg_catalog.pg_has_role(pubowner, 'USAGE'))`;
  const [rights] = await queryRows<Rights & Record<string, unknown>>(
    client,
    `SELECT r.rolsuper AS superuser, ${may} AS may, coalesce(
       (SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1), 'postgres'
     ) AS administrator FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
    "see what the role may publish",
  );
  return rights ?? { superuser: false, may: false, administrator: "postgres" };
}

/** The role's own tables first, then those that change most; no extensions' tables, partitions or inheritance trees. */
async function readCandidates(
  client: Client,
): Promise<ReadonlyArray<PublishedTable & { readonly owned: boolean }>> {
  const rows = await queryRows<{ oid: number; schema: string; name: string; owned: boolean }>(
    client,
    `SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i
         WHERE i.inhrelid = c.oid OR (i.inhparent = c.oid AND c.relkind = 'r'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
         AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e')
     ORDER BY 4 DESC,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
         + pg_catalog.pg_stat_get_tuples_deleted(c.oid) DESC, 2, 3
     LIMIT ${LOOK_AT_MAX}`,
    "look for tables to publish",
  );
  return rows.map((row) => ({ ...row, columns: undefined, filter: undefined, filterColumns: [] }));
}
