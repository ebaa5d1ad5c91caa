/** doctor: what the role may do. */
import type { Client } from "pg";
import { type Check, fail, ok, warning } from "./check.ts";
import { psqlCommand } from "./paste.ts";
import { quoteIdentifier } from "./sql.ts";
import { queryRows } from "./statement.ts";
import type { ConnectionTarget } from "./target.ts";

interface Rights {
  readonly role: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  readonly create: boolean;
}

/** Services that run PostgreSQL for others lend the right through roles of their own. */
const LENT_BY = ["rds_replication", "cloudsqlsuperuser", "azure_pg_admin"];

/** @param admin the target, as somebody who may grant rights */
export async function checkRole(
  client: Client,
  admin: ConnectionTarget,
): Promise<readonly Check[]> {
  const rights = await readRights(client);
  return [checkReplication(rights, admin), checkCreate(rights, admin)];
}

async function readRights(client: Client): Promise<Rights> {
  const [row] = await queryRows<Rights & Record<string, unknown>>(
    client,
    `SELECT r.rolname::text AS role, r.rolsuper AS superuser,
       r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles l
         WHERE l.rolname IN (${LENT_BY.map((name) => `'${name}'`).join(", ")})
           AND pg_catalog.pg_has_role(r.oid, l.oid, 'MEMBER')) AS replication,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS create
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
    "read the role's rights",
  );
  if (row === undefined) throw new Error("the current role is not in pg_roles");
  return row;
}

function checkReplication(
  { role, superuser, replication }: Rights,
  target: ConnectionTarget,
): Check {
  const name = "role_replication";
  const who = `role ${quoteIdentifier(role)}`;
  if (superuser) return ok(name, `${who} is a superuser`);
  if (replication) return ok(name, `${who} has REPLICATION`);
  return fail(
    name,
    `${who} has no REPLICATION: it can neither create slots nor stream; a superuser gives it`,
    psqlCommand(`ALTER ROLE ${quoteIdentifier(role)} REPLICATION`, target),
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
