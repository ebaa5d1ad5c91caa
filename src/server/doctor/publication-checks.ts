/** doctor: the publications, and what the tables in them lack. */
import type { Client } from "pg";
import { type Check, fail, ok, warning } from "./check.ts";
import { psqlCommand } from "../target/paste.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import type { PublicationState } from "../publication/plan.ts";
import { listPublications, readPublication } from "../publication/state.ts";
import { LOCK_TIMEOUT } from "../publication/resolve.ts";
import { suggestPublication } from "../publication/suggestion.ts";
import { findIdentityFaults } from "../publication/replica-identity.ts";
import { quoteIdentifier, quoteLiteral, quoteQualified } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

/**
 * @param admin the target, as somebody who may alter and grant
 * @param only the names to look at; none: all of the database
 */
export async function checkPublications(
  client: Client,
  target: ConnectionTarget,
  admin: ConnectionTarget,
  version: ServerVersion,
  only: readonly string[],
): Promise<readonly Check[]> {
  const there = await listPublications(client);
  if (there.length === 0 && only.length === 0) {
    const { words, command } = await suggestPublication(client, target, version, "walctl");
    const message = `there is none in database ${quoteIdentifier(target.database)}: nothing can be streamed. ${words}`;
    return [warning("publication", message, command)];
  }
  const checks: Check[] = [];
  for (const name of only.length === 0 ? there : only) {
    const state = await readPublication(client, name, version);
    if (state === undefined) checks.push(await missing(client, target, version, name));
    else checks.push(...(await checkPublication(client, target, admin, version, name, state)));
  }
  return checks;
}

async function missing(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
): Promise<Check> {
  const { words, command } = await suggestPublication(client, target, version, name);
  const message = `publication ${quoteIdentifier(name)} does not exist. ${words}`;
  return fail("publication", message, command);
}

/** Whoever queues behind ALTER TABLE must not wait for ever. */
const LOCK_TIMEOUT_SQL = `SET lock_timeout = '${LOCK_TIMEOUT}'`;

interface MemberRow {
  readonly schema: string;
  readonly table: string;
  readonly readable: boolean;
}

async function checkPublication(
  client: Client,
  target: ConnectionTarget,
  admin: ConnectionTarget,
  version: ServerVersion,
  name: string,
  state: PublicationState,
): Promise<readonly Check[]> {
  const members = await readMembers(client, name);
  const faults = await findIdentityFaults(client, version, name, state);
  return [
    members.length > 0
      ? checkMembers(name, members)
      : await checkEmpty(client, target, version, name, state),
    ...faults.map(({ message, hint, mend }) =>
      mend === undefined
        ? fail("replica_identity", `${message}. ${hint}`, null)
        : fail("replica_identity", message, psqlCommand([LOCK_TIMEOUT_SQL, mend], admin)),
    ),
    ...checkReadable(name, members, target.user, admin),
  ];
}

async function readMembers(client: Client, name: string): Promise<readonly MemberRow[]> {
  return await queryRows<MemberRow & Record<string, unknown>>(
    client,
    `SELECT n.nspname::text AS schema, c.relname::text AS table,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
     FROM pg_catalog.pg_publication_tables p
     JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
     WHERE p.pubname = ${quoteLiteral(name)} ORDER BY 1, 2`,
    `list the tables of publication ${quoteIdentifier(name)}`,
  );
}

function checkMembers(name: string, members: readonly MemberRow[]): Check {
  const count = members.length === 1 ? "1 table" : `${members.length} tables`;
  return ok("publication", `publication ${quoteIdentifier(name)}: ${count}`);
}

async function checkEmpty(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  name: string,
  state: PublicationState,
): Promise<Check> {
  const who = `publication ${quoteIdentifier(name)}`;
  if (state.allTables || state.schemas.length > 0) {
    return warning("publication", `${who} publishes no tables yet: there are none`, null);
  }
  const { words, command } = await suggestPublication(client, target, version, name, state);
  return warning("publication", `${who} has no tables: nothing comes of it. ${words}`, command);
}

/** As many names as a line has room for; the command has them all. */
const NAMES_MAX = 3;

/** The server streams to whoever has REPLICATION; but who copies the tables first has to read them. */
function checkReadable(
  name: string,
  members: readonly MemberRow[],
  user: string,
  admin: ConnectionTarget,
): readonly Check[] {
  const hidden = members
    .filter(({ readable }) => !readable)
    .map(({ schema, table }) => quoteQualified(schema, table));
  if (hidden.length === 0) return [];
  const some = hidden.slice(0, NAMES_MAX).join(", ") + (hidden.length > NAMES_MAX ? ", …" : "");
  const schemas = [
    ...new Set(members.filter(({ readable }) => !readable).map(({ schema }) => schema)),
  ];
  const role = quoteIdentifier(user);
  const usage = `GRANT USAGE ON SCHEMA ${schemas.map(quoteIdentifier).join(", ")} TO ${role}`;
  const select = `GRANT SELECT ON ${hidden.join(", ")} TO ${role}`;
  return [
    warning(
      "role_select",
      `publication ${quoteIdentifier(name)}: the role may not read ${some}; streaming works, copying the tables first does not`,
      psqlCommand(`${usage}; ${select}`, admin),
    ),
  ];
}
