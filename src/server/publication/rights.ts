/** What a role that the server has refused can do about a publication. */
import type { Client } from "pg";
import {
  printableIdentifier,
  quoteIdentifier,
  quoteLiteral,
  quoteQualified,
} from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { walctlCommand } from "../target/paste.ts";
import type { ConnectionTarget } from "../target/target.ts";
import type { PublicationPlan } from "./plan.ts";
import { suggestPublication, suggestionText } from "./suggestion.ts";
import { findTables } from "./table-lookup.ts";

interface Rights {
  readonly creates: boolean;
  /** A superuser, as far as there is one that may log in. */
  readonly superuser: string | null;
  /** A published table of another role, and that role. */
  readonly schema: string | null;
  readonly name: string | null;
  readonly owner: string | null;
  /** Of the publication, another role. */
  readonly publisher: string | null;
}

/**
 * @param words those of the command, for a role that may run it
 * @param exists whether the publication does, and was to be altered
 */
export async function rightsHint(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
  words: readonly string[],
  exists: boolean,
): Promise<string> {
  const tables = await findTables(client, target, plan.tables);
  const oids = tables.flatMap(({ members }) => members.map(({ oid }) => oid));
  const [rights] = await queryRows<Rights & Record<string, unknown>>(
    client,
    `SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS creates,
       (SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1) AS superuser,
       (SELECT pg_catalog.pg_get_userbyid(pubowner)::text FROM pg_catalog.pg_publication
        WHERE pubname = ${quoteLiteral(plan.name)} AND NOT pg_catalog.pg_has_role(pubowner, 'USAGE')) AS publisher,
       c.* FROM (SELECT) AS one LEFT JOIN (
         SELECT n.nspname::text AS schema, c.relname::text AS name, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = ANY (ARRAY[${oids.join(", ")}]::oid[]) AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
         ORDER BY 1, 2 LIMIT 1) AS c ON true`,
    "see what the role may publish",
  );
  const as = (user: string): ConnectionTarget => ({ ...target, user });
  const superuser = rights?.superuser ?? "postgres";
  const command = walctlCommand(words, as(superuser));
  const publisher = rights?.publisher ?? null;
  if (publisher !== null)
    return `Only its owner ${quoteIdentifier(publisher)} or a superuser alters publication ${quoteIdentifier(plan.name)}: ${command}`;
  // The owner's right comes first: without it CREATE does not help.
  if (rights?.creates === false && !exists && rights.owner === null) {
    return `As a superuser: GRANT CREATE ON DATABASE ${printableIdentifier(target.database)} TO ${printableIdentifier(target.user)}`;
  }
  if (plan.allTables || plan.allSequences || plan.schemas.length > 0) {
    const alls = plan.allTables ? "all tables" : "all sequences";
    const what = plan.schemas.length > 0 ? "whole schemas" : alls;
    if (exists || !(plan.allTables || plan.schemas.length > 0))
      return `Only a superuser publishes ${what}: ${command}`;
    const own = await suggestPublication(client, target, version, plan.name);
    return `Only a superuser publishes ${what}. ${suggestionText(own)}`;
  }
  const { schema, name, owner } = rights ?? { schema: null, name: null, owner: null };
  if (schema === null || name === null || owner === null) return `A superuser may: ${command}`;
  return `Only its owner ${quoteIdentifier(owner)} or a superuser publishes ${quoteQualified(schema, name)}: ${command}`;
}
