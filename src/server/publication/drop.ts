/** Drops a publication: says what it published, and leaves one alone that a stream uses. */
import type { Client } from "pg";
import { WalctlError, didYouMean } from "../../errors.ts";
import { type Session, describeSession } from "../query/describe-session.ts";
import { quoteIdentifier, quoteLiteral } from "../query/sql.ts";
import { SqlState } from "../query/sqlstate.ts";
import { execute, inTransaction, queryRows } from "../query/statement.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { walctlCommand } from "../target/paste.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { creationSql } from "./diff.ts";
import type { CatalogueTable, PublicationState } from "./plan.ts";
import { LOCK_TIMEOUT, requirePrimary } from "./resolve.ts";
import { type NamedTable, commentSql, dropPublicationSql, ownerSql } from "./sql.ts";
import { listPublications, readPublication } from "./state.ts";

export interface DroppedPublication {
  readonly state: PublicationState;
  readonly sql: string;
  /** What creates it again, for its owner too. */
  readonly undo: readonly string[];
  /** Slots that nobody reads now: which publications their readers use is not known to the server. */
  readonly idle: readonly string[];
}

interface Reader extends Omit<Session, "pid"> {
  /** Null: nobody reads the slot. */
  readonly pid: number | null;
  readonly slot: string;
  /** Null: the slot is not in use, or the role may not see it. */
  readonly query: string | null;
}

/** @throws WalctlError where it does not exist, or a stream uses it or may use it and `force` is not given */
export async function dropPublication(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
  { dryRun, force }: { readonly dryRun: boolean; readonly force: boolean },
): Promise<DroppedPublication> {
  const state = await readPublication(client, name, version);
  if (state === undefined) throw await noSuchPublication(client, target, name);
  const slots = await readReaders(client);
  if (!force) requireUnused(slots, name);
  const idle = slots.filter(({ pid }) => pid === null).map(({ slot }) => slot);
  const sql = dropPublicationSql(name);
  const { owner, comment, parents } = await readRest(client, name);
  const alone = ({ oid, schema, name: table }: CatalogueTable): NamedTable => {
    const whole = { columns: undefined, where: undefined };
    return { schema, name: table, only: parents.includes(oid), ...whole };
  };
  const tables = state.tables.map((table) => {
    return { ...alone(table), columns: table.columns, where: table.filter };
  });
  const objects = { ...state, tables, excluded: state.excluded.map(alone) };
  const undo = [creationSql(name, objects, state)];
  // Only its owner may comment on it.
  if (comment !== null) undo.push(commentSql(name, comment));
  if (owner !== null) undo.push(ownerSql(name, owner));
  if (!dryRun) {
    await requirePrimary(client, target);
    const doing = `drop publication ${quoteIdentifier(name)}`;
    await inTransaction(client, "COMMIT", doing, async () => {
      await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
      const hints =
        owner === null ? {} : { [SqlState.insufficientPrivilege]: ownersHint(target, name, owner) };
      await execute(client, sql, doing, hints);
    });
  }
  return { state, sql, undo, idle };
}

function ownersHint(target: ConnectionTarget, name: string, owner: string): string {
  const command = walctlCommand(["drop-publication", name], { ...target, user: owner });
  return `Only its owner ${quoteIdentifier(owner)} or a superuser drops it: ${command}`;
}

function requireUnused(slots: readonly Reader[], name: string): void {
  const readers = slots.filter(({ pid }) => pid !== null);
  const users = readers.filter(({ query }) => uses(query, name) === true);
  const publication = `publication ${quoteIdentifier(name)}`;
  if (users.length > 0) {
    throw new WalctlError(`${publication} is in use`, {
      detail: `It is streamed by ${sessionsOf(users)}, which fails without it.`,
      hint: "Stop that program first; --force drops the publication all the same.",
    });
  }
  const unknown = readers.filter(({ query }) => uses(query, name) === undefined);
  if (unknown.length === 0) return;
  throw new WalctlError(`whether ${publication} is in use is not known to this role`, {
    detail: `What ${sessionsOf(unknown)} streams is not shown to it. A stream fails without its publication.`,
    hint: "A member of pg_read_all_stats sees it. --force drops the publication all the same.",
  });
}

function sessionsOf(readers: readonly Reader[]): string {
  return readers
    .map(({ pid, slot, ...of }) => describeSession({ pid: pid ?? 0, ...of }, [`slot "${slot}"`]))
    .join(", ");
}

/** What a PublicationState lacks. */
interface Rest {
  /** Null: the role itself, or it is not known. */
  readonly owner: string | null;
  readonly comment: string | null;
  /** The published and excluded tables that have inheritance children: the catalogue has each child by its own name. */
  readonly parents: readonly number[];
}

async function readRest(client: Client, name: string): Promise<Rest> {
  const [row] = await queryRows<Rest & Record<string, unknown>>(
    client,
    `SELECT nullif(pg_catalog.pg_get_userbyid(p.pubowner), current_user)::text AS owner,
       pg_catalog.obj_description(p.oid, 'pg_publication') AS comment,
       ARRAY(SELECT c.oid FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
             WHERE r.prpubid = p.oid AND c.relkind = 'r'
               AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)) AS parents
     FROM pg_catalog.pg_publication p WHERE p.pubname::text = ${quoteLiteral(name)}`,
    `read the owner and the comment of publication ${quoteIdentifier(name)}`,
  );
  return row ?? { owner: null, comment: null, parents: [] };
}

/**
 * The slots of this database, and what the walsenders that hold them run. Of other roles only a member of
 * pg_read_all_stats sees the latter.
 */
async function readReaders(client: Client): Promise<readonly Reader[]> {
  return await queryRows<Reader & Record<string, unknown>>(
    client,
    `SELECT s.slot_name::text AS slot, s.active_pid AS pid, a.application_name AS application,
       a.usename::text AS role, a.query
     FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.database = pg_catalog.current_database() AND s.plugin = 'pgoutput' ORDER BY s.slot_name`,
    "see who streams from this database",
  );
}

const NAMES = /publication_names"?\s+'((?:[^']|'')*)'/i;
const NAME = /\s*(?:"((?:[^"]|"")*)"|([^,\s]+))\s*,?/gy;

/**
 * Whether START_REPLICATION names it: a list of identifiers, within a string of the replication grammar. Undefined: the
 * server does not show the query, or has cut it (track_activity_query_size).
 */
function uses(query: string | null, name: string): boolean | undefined {
  const list = NAMES.exec(query ?? "")?.[1]?.replaceAll("''", "'");
  if (list === undefined) return undefined;
  return Array.from(list.matchAll(NAME)).some(([, quoted, plain]) =>
    quoted === undefined ? plain?.toLowerCase() === name : quoted.replaceAll('""', '"') === name,
  );
}

async function noSuchPublication(
  client: Client,
  { database }: ConnectionTarget,
  name: string,
): Promise<WalctlError> {
  const names = await listPublications(client);
  const detail =
    names.length === 0
      ? "The database has none."
      : `The database's publications: ${names.map(quoteIdentifier).join(", ")}.`;
  const what = `publication ${quoteIdentifier(name)} does not exist in database ${quoteIdentifier(database)}`;
  return new WalctlError(what, { detail, hint: didYouMean(name, names) });
}
