/** Who may change the server's settings, and how: with ALTER SYSTEM, or through a managed service's own means. */
import { accessSync, constants } from "node:fs";
import type { Client } from "pg";
import { psqlCommand } from "../target/paste.ts";
import { isSocket } from "../target/places.ts";
import { quoteIdentifier, quoteLiteral, quoteTextArray } from "../query/sql.ts";
import { isDenied } from "../query/denied.ts";
import { queryRows } from "../query/statement.ts";
import { type ConnectionTarget, shellQuote } from "../target/target.ts";

/**
 * A service that runs PostgreSQL for its customers, without superusers. The role of its administrators identifies it.
 */
interface ManagedService {
  readonly role: string;
  readonly name: string;
  /** Where its settings are changed. */
  readonly place: string;
  /** The setting that makes wal_level logical. */
  readonly logical: string;
  /** The role whose members may replicate; undefined if roles need REPLICATION, as usual. */
  readonly replicator?: string;
}

export const SERVICES: readonly ManagedService[] = [
  {
    role: "rds_superuser",
    name: "Amazon RDS and Aurora",
    place: "the parameter group",
    logical: "rds.logical_replication = 1",
    replicator: "rds_replication",
  },
  {
    role: "cloudsqlsuperuser",
    name: "Google Cloud SQL",
    place: "the instance's database flags",
    logical: "cloudsql.logical_decoding = on",
  },
  {
    role: "azure_pg_admin",
    name: "Azure Database for PostgreSQL",
    place: "the server parameters",
    logical: "wal_level = logical",
  },
];

export interface Administration {
  /** The target, with a role that may administer the server. */
  readonly admin: ConnectionTarget;
  readonly service: ManagedService | undefined;
  readonly wal: WalFolder;
  /** Whose session it is: settings may be its own. */
  readonly user: string;
  /** Where each setting that has a fix gets its value (manual: pg_settings); empty if the role may not know it. */
  readonly sources: Readonly<Record<string, string>>;
  /** Off where the configuration is kept elsewhere (PostgreSQL 17). */
  readonly allowsAlterSystem: boolean;
}

/** The settings that changeSetting() is called for. */
const CHANGEABLE = [
  "wal_level",
  "max_replication_slots",
  "max_wal_senders",
  "wal_sender_timeout",
  "max_slot_wal_keep_size",
  "output_plugin_libraries",
];

interface AdministrationRow {
  readonly service: string | null;
  readonly user: string | null;
  readonly data: string | null;
  readonly sources: Readonly<Record<string, string>> | null;
  readonly alter_system: string | null;
}

interface WalFolder {
  /** Undefined if the role may not read `data_directory`. */
  readonly path: string | undefined;
  /** The server is on this machine, and the user who runs walctl may read the folder. */
  readonly readable: boolean;
}

export async function readAdministration(
  client: Client,
  target: ConnectionTarget,
): Promise<Administration> {
  const roles = SERVICES.map(({ role }) => quoteLiteral(role)).join(", ");
  const [row] = await queryRows<AdministrationRow & Record<string, unknown>>(
    client,
    // current_setting would fail for a role that may not read it.
    `SELECT m.rolname::text AS service,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'data_directory') AS data,
       (SELECT pg_catalog.jsonb_object_agg(s.name, s.source) FROM pg_catalog.pg_settings s
        WHERE s.name = ANY (${quoteTextArray(CHANGEABLE)})) AS sources,
       current_setting('allow_alter_system', true) AS alter_system,
       (SELECT r.rolname::text FROM pg_catalog.pg_roles r
        WHERE CASE WHEN m.oid IS NULL THEN r.rolsuper
              ELSE r.rolcanlogin AND NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') END
        ORDER BY r.rolname <> current_user, r.oid LIMIT 1) AS user
     FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_roles m ON m.rolname IN (${roles})`,
    "see who may administer the server",
  ).catch((error: unknown) => {
    if (isDenied(error)) return [];
    throw error;
  });
  const path = typeof row?.data === "string" ? `${row.data}/pg_wal` : undefined;
  const { place } = target.reached;
  const here = place !== undefined && isSocket(place);
  return {
    admin: { ...target, user: row?.user ?? target.user },
    service: SERVICES.find(({ role }) => role === row?.service),
    wal: { path, readable: here && path !== undefined && isReadable(path) },
    user: target.user,
    sources: row?.sources ?? {},
    allowsAlterSystem: row?.alter_system !== "off",
  };
}

function isReadable(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Allows a role to create slots and to stream. */
export function mayReplicateSql(service: ManagedService | undefined, role: string): string {
  return service?.replicator === undefined
    ? `ALTER ROLE ${quoteIdentifier(role)} REPLICATION`
    : `GRANT ${service.replicator} TO ${quoteIdentifier(role)}`;
}

/** The text for the message, and a command if one exists. */
export interface Step {
  readonly words: string;
  readonly fix: string | null;
}

/** How to change a setting where its value comes from; several values make a list. */
export function changeSetting(
  administration: Administration,
  name: string,
  value: string | readonly string[],
  effect: "reload" | "restart",
): Step {
  const { admin, service, sources, allowsAlterSystem } = administration;
  const values = typeof value === "string" ? [value] : value;
  const setting = `${name} = ${values.map(quoteLiteral).join(", ")}`;
  const restart = effect === "restart" ? "; it takes a restart of the server" : "";
  const source = sources[name] ?? "";
  const owner = ownerOf(source, administration);
  if (owner !== undefined) {
    const fix = psqlCommand(`ALTER ${owner} SET ${setting}`, admin);
    return { words: `; ALTER ${owner} has set it, for new sessions`, fix };
  }
  if (source === "client") {
    return { words: "; the connection asks for it: change PGOPTIONS or options", fix: null };
  }
  if (source === "command line") {
    const words = `; the server's command line sets it: there set ${setting}; it takes a restart of the server`;
    return { words, fix: null };
  }
  if (service !== undefined) {
    const what = name === "wal_level" ? service.logical : `${name} = ${values.join(", ")}`;
    return { words: `; on ${service.name} set ${what} in ${service.place}${restart}`, fix: null };
  }
  const reload = "SELECT pg_catalog.pg_reload_conf()";
  if (!allowsAlterSystem) {
    const words = `; allow_alter_system is off: set ${setting} in the server's configuration, then ${reload}${restart}`;
    return { words, fix: null };
  }
  // ALTER SYSTEM needs its own statement, outside transactions.
  return { words: restart, fix: psqlCommand([`ALTER SYSTEM SET ${setting}`, reload], admin) };
}

/** Whose setting it is, in the words of ALTER … SET; undefined: the server's or the connection's. */
function ownerOf(source: string, { user, admin }: Administration): string | undefined {
  const role = `ROLE ${quoteIdentifier(user)}`;
  const database = `DATABASE ${quoteIdentifier(admin.database)}`;
  if (source === "user") return role;
  if (source === "database") return database;
  if (source === "database user") return `${role} IN ${database}`;
  return source === "global" ? "ROLE ALL" : undefined;
}

/** A setting in the configuration, which may need a restart to take effect. */
export interface Configured {
  /** A restart brings a different value than the one in effect, whether the server has read the files again or not. */
  readonly pending: boolean;
  /** The value in the files, whether the server has read it yet or not; undefined if the role may not read them. */
  readonly value: string | undefined;
}

export async function readConfigured(
  client: Client,
  names: readonly string[],
): Promise<ReadonlyMap<string, Configured>> {
  const doing = `see whether ${names.join(", ")} ${names.length === 1 ? "waits" : "wait"} for a restart`;
  const settings = await queryRows<{
    readonly name: string;
    readonly pending: boolean;
    readonly value: string;
    readonly initial: string;
    readonly from_files: boolean;
    readonly readable: boolean;
  }>(
    client,
    `SELECT s.name, s.pending_restart AS pending, s.setting AS value, s.boot_val AS initial,
       s.source IN ('configuration file', 'default') AS from_files,
       pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
         AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS readable
     FROM pg_catalog.pg_settings s WHERE s.name = ANY (${quoteTextArray(names)})`,
    doing,
  );
  const readable = settings.some((setting) => setting.readable);
  const lines = readable
    ? await queryRows<{ name: string; setting: string | null }>(
        client,
        `SELECT name, setting FROM pg_catalog.pg_file_settings WHERE name = ANY (${quoteTextArray(names)}) ORDER BY seqno`,
        "read the configuration files",
      )
    : [];
  // The last of several lines for a setting counts.
  const values = new Map(lines.map(({ name, setting }) => [name, setting ?? ""]));
  return new Map(
    settings.map(({ name, pending, value, initial, from_files: fromFiles }) => {
      const next = values.get(name) ?? "";
      const differs = readable && fromFiles && (next || initial).toLowerCase() !== value;
      return [name, { pending: pending || differs, value: readable ? next : undefined }];
    }),
  );
}

/** Whether the configuration was already changed, so that only a restart is missing. */
export function awaitsRestart(
  configured: Configured | undefined,
  suffices: (value: string) => boolean,
): boolean {
  // A value in the files that the command line overrides does not wait for anything.
  if (configured?.pending !== true) return false;
  return configured.value === undefined || suffices(configured.value);
}

export const RESTART_MISSING =
  "the configuration has been changed already: restart the server for it to take effect";

/**
 * How to find out what fills the WAL. The command reads pg_wal, so it is a fix only if this user can read that.
 * @param from an LSN; null: from the oldest WAL
 * @param fix another command, which takes precedence
 */
export function lookAtWal(
  { service, wal }: Administration,
  from: string | null,
  fix: string | null,
): Step {
  // Users of a managed service cannot read the server's files.
  if (service !== undefined) return { words: "", fix };
  const path = wal.path === undefined ? '"$PGDATA/pg_wal"' : shellQuote(wal.path);
  const start = from === null ? "" : `-I ${from} `;
  const command = `walctl inspect --stats=table --timeline latest ${start}${path}`;
  if (wal.readable && fix === null) return { words: "; see what fills the WAL", fix: command };
  return { words: `; on the server, see what fills the WAL: ${command}`, fix };
}
