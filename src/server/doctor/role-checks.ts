/** doctor: what the role may do. */
import { ProtocolViolation } from "../connection/backend-messages.ts";
import type { Client } from "pg";
import { type Administration, mayReplicateSql } from "../settings/administration.ts";
import { type Check, fail, ok, warning } from "./check.ts";
import { psqlCommand } from "../target/paste.ts";
import { quoteIdentifier } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

interface Rights {
  readonly role: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  readonly create: boolean;
}

/** Amazon RDS lends the right through a role of its own. */
const LENT_BY = "rds_replication";

export async function checkRole(
  client: Client,
  administration: Administration,
): Promise<readonly Check[]> {
  const rights = await readRights(client);
  return [checkReplication(rights, administration), checkCreate(rights, administration.admin)];
}

async function readRights(client: Client): Promise<Rights> {
  const [row] = await queryRows<Rights & Record<string, unknown>>(
    client,
    `SELECT r.rolname::text AS role, r.rolsuper AS superuser,
       r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles l
         WHERE l.rolname = '${LENT_BY}'
           AND pg_catalog.pg_has_role(r.oid, l.oid, 'MEMBER')) AS replication,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS create
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
    "read the role's rights",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  return row;
}

function checkReplication(
  { role, superuser, replication }: Rights,
  { admin, service }: Administration,
): Check {
  const name = "role_replication";
  const who = `role ${quoteIdentifier(role)}`;
  if (superuser) return ok(name, `${who} is a superuser`);
  if (replication) return ok(name, `${who} has REPLICATION`);
  const giver = service === undefined ? "a superuser" : `a member of ${service.role}`;
  return fail(
    name,
    `${who} has no REPLICATION: it can neither create slots nor stream; ${giver} gives it`,
    psqlCommand(mayReplicateSql(service, role), admin),
  );
}

/** Only setup-publication and --bootstrap need it. */
function checkCreate({ role, superuser, create }: Rights, target: ConnectionTarget): Check {
  const name = "role_create";
  const database = quoteIdentifier(target.database);
  if (superuser || create) return ok(name, `it may create publications in database ${database}`);
  return warning(
    name,
    `it may not create publications in database ${database}: streaming works, setup-publication does not; the owner allows it`,
    psqlCommand(`GRANT CREATE ON DATABASE ${database} TO ${quoteIdentifier(role)}`, target),
  );
}
