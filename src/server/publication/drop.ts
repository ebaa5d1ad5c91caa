/** Drops a publication: says what it published, and leaves one alone that a stream uses. */
import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { type Session, describeSession } from "../query/describe-session.ts";
import { quoteIdentifier, quoteLiteral } from "../query/sql.ts";
import { execute, inTransaction, queryRows } from "../query/statement.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { creationSql } from "./diff.ts";
import type { PublicationState } from "./plan.ts";
import { LOCK_TIMEOUT, requirePrimary } from "./resolve.ts";
import { commentSql, dropPublicationSql, ownerSql } from "./sql.ts";
import { listPublications, readPublication } from "./state.ts";

export interface DroppedPublication {
  readonly state: PublicationState;
  readonly sql: string;
  /** What creates it again, for its owner too. */
  readonly undo: readonly string[];
}

interface Reader extends Session {
  readonly query: string | null;
}

/** @throws WalctlError where it does not exist, or a stream uses it and `force` is not given */
export async function dropPublication(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
  { dryRun, force }: { readonly dryRun: boolean; readonly force: boolean },
): Promise<DroppedPublication> {
  const state = await readPublication(client, name, version);
  if (state === undefined) throw await noSuchPublication(client, target, name);
  const readers = (await readReaders(client)).filter(({ query }) => uses(query ?? "", name));
  if (readers.length > 0 && !force) {
    throw new WalctlError(`publication ${quoteIdentifier(name)} is in use`, {
      detail: `It is streamed by ${readers.map((reader) => describeSession(reader, [])).join(", ")}, which fails without it.`,
      hint: "Stop that program first; --force drops the publication all the same.",
    });
  }
  const sql = dropPublicationSql(name);
  const { owner, comment, parents } = await readRest(client, name);
  const tables = state.tables.map((table) => {
    return { ...table, only: parents.includes(table.oid), where: table.filter };
  });
  const undo = [creationSql(name, { ...state, tables }, state)];
  // Only its owner may comment on it.
  if (comment !== null) undo.push(commentSql(name, comment));
  if (owner !== null) undo.push(ownerSql(name, owner));
  if (!dryRun) {
    await requirePrimary(client, target);
    const doing = `drop publication ${quoteIdentifier(name)}`;
    await inTransaction(client, "COMMIT", doing, async () => {
      await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
      await execute(client, sql, doing);
    });
  }
  return { state, sql, undo };
}

/** What a PublicationState lacks. */
interface Rest {
  /** Null: the role itself, or it is not known. */
  readonly owner: string | null;
  readonly comment: string | null;
  /** The published tables that have inheritance children: each child is published by its own name. */
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

/** What walsenders of this database run. Of other roles only a member of pg_read_all_stats sees it. */
async function readReaders(client: Client): Promise<readonly Reader[]> {
  return await queryRows<Reader & Record<string, unknown>>(
    client,
    `SELECT a.pid, a.application_name AS application, a.usename::text AS role, a.query
     FROM pg_catalog.pg_replication_slots s JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.database = pg_catalog.current_database() ORDER BY a.pid`,
    "see who streams from this database",
  );
}

const NAMES = /publication_names"?\s+'((?:[^']|'')*)'/i;
const NAME = /\s*(?:"((?:[^"]|"")*)"|([^,\s]+))\s*,?/gy;

/** Whether START_REPLICATION names it: a list of identifiers, within a string of the replication grammar. */
function uses(query: string, name: string): boolean {
  const list = NAMES.exec(query)?.[1]?.replaceAll("''", "'") ?? "";
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
  return new WalctlError(what, { detail });
}
