/** Reads what doctor needs to know about the server and the role: SQL → plain data, for the findings. */
import type { Client } from "pg";
import { ProtocolViolation } from "../connection/backend-messages.ts";
import { answer, isDenied } from "../query/denied.ts";
import { queryRows } from "../query/statement.ts";
import { type Configured, readConfigured } from "../settings/administration.ts";
import {
  type ServerVersion,
  WAL_LEVELS,
  type WalLevels,
  majorOf,
  readServerVersion,
} from "../settings/preflight.ts";
import { REPACK_SLOT } from "../slot/read.ts";

/** Settings as `SHOW` prints them, unless the name ends in a unit. */
export interface ServerFacts extends WalLevels {
  readonly version: ServerVersion;
  readonly server_version: string;
  /** Those that max_replication_slots limits. */
  readonly slots: readonly string[];
  /** The slots that are being streamed from. */
  readonly active: readonly string[];
  /** The slots that are still there after a restart, of each type. */
  readonly durable_logical: readonly string[];
  readonly durable_physical: readonly string[];
  readonly max_replication_slots: number;
  /** REPACK (CONCURRENTLY) takes its slots from places of their own (PostgreSQL 19). */
  readonly repack_slots: number;
  /** Null before PostgreSQL 19. */
  readonly max_repack_replication_slots: number | null;
  readonly senders: number;
  readonly max_wal_senders: number;
  /** 0: no timeout. */
  readonly wal_sender_timeout_ms: number;
  readonly wal_sender_timeout: string;
  readonly max_slot_wal_keep_size: string;
  /** Null before PostgreSQL 18. */
  readonly idle_replication_slot_timeout: string | null;
  /** Null if the server does not restrict them. */
  readonly output_plugin_libraries: string | null;
  readonly synchronous_standby_names: string;
  /** Walsenders of physical standbys. */
  readonly standbys: readonly string[];
  /** The settings that only a restart changes, as in the configuration. */
  readonly configured: ReadonlyMap<string, Configured>;
}

/** SQL for each answer. */
const QUESTIONS = {
  server_version: "current_setting('server_version')",
  ...WAL_LEVELS,
  slots: `ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s WHERE NOT (${REPACK_SLOT}))`,
  active: "ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s WHERE s.active)",
  durable_logical: durableSlots("logical"),
  durable_physical: durableSlots("physical"),
  max_replication_slots: "current_setting('max_replication_slots')::int",
  repack_slots: `(SELECT count(*)::int FROM pg_catalog.pg_replication_slots s WHERE ${REPACK_SLOT})`,
  max_repack_replication_slots: "current_setting('max_repack_replication_slots', true)::int",
  senders: "(SELECT count(*)::int FROM pg_catalog.pg_stat_replication)",
  max_wal_senders: "current_setting('max_wal_senders')::int",
  wal_sender_timeout_ms:
    "(SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout')",
  wal_sender_timeout: "current_setting('wal_sender_timeout')",
  max_slot_wal_keep_size: "current_setting('max_slot_wal_keep_size')",
  idle_replication_slot_timeout: "current_setting('idle_replication_slot_timeout', true)",
  synchronous_standby_names: "current_setting('synchronous_standby_names')",
  standbys: `ARRAY(SELECT DISTINCT r.application_name FROM pg_catalog.pg_stat_replication r
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s
                      WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
    ORDER BY 1)`,
} satisfies Partial<Record<keyof ServerFacts, string>>;

function durableSlots(type: string): string {
  return `ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s
    WHERE NOT s.temporary AND s.slot_type = '${type}' ORDER BY 1)`;
}

/** To read a fact that the role may not know throws the server's error. */
export async function inspectServer(client: Client): Promise<ServerFacts> {
  const facts = { version: await readServerVersion(client) } as ServerFacts;
  try {
    Object.assign(facts, await ask(client, QUESTIONS));
  } catch (error) {
    if (!isDenied(error)) throw error;
    for (const [name, sql] of Object.entries(QUESTIONS) as Array<[keyof ServerFacts, string]>) {
      await answer(facts, name, async () => (await ask(client, { [name]: sql }))[name]);
    }
  }
  // Only members of pg_read_all_settings may read it where it exists.
  const plugins = "output_plugin_libraries";
  await answer(
    facts,
    plugins,
    async () => (await ask(client, { [plugins]: `current_setting('${plugins}', true)` }))[plugins],
  );
  const names = ["wal_level", "max_replication_slots", "max_wal_senders"];
  await answer(facts, "configured", async () => await readConfigured(client, names));
  return facts;
}

async function ask(
  client: Client,
  questions: Readonly<Record<string, string>>,
): Promise<ServerFacts> {
  const columns = Object.entries(questions).map(([name, sql]) => `${sql} AS "${name}"`);
  const [row] = await queryRows<ServerFacts & Record<string, unknown>>(
    client,
    `SELECT ${columns.join(", ")}`,
    "read the server's settings",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  return row;
}

const PG_STAT_WAL = 14;

export interface CheckpointFacts {
  readonly requested: number;
  readonly timed: number;
  /** Since the statistics were reset. */
  readonly seconds: number;
  readonly wal_bytes: number;
  readonly max_wal_size_bytes: number;
  readonly max_wal_size: string;
}

/** Undefined if the server does not count WAL. */
export async function inspectCheckpoints(
  client: Client,
  version: ServerVersion,
): Promise<CheckpointFacts | undefined> {
  if (majorOf(version) < PG_STAT_WAL) return undefined;
  const counters =
    majorOf(version) >= 17
      ? "SELECT num_requested AS req, num_timed AS timed, stats_reset FROM pg_catalog.pg_stat_checkpointer"
      : "SELECT checkpoints_req AS req, checkpoints_timed AS timed, stats_reset FROM pg_catalog.pg_stat_bgwriter";
  const [row] = await queryRows<CheckpointFacts & Record<string, unknown>>(
    client,
    `SELECT c.req::float8 AS requested, c.timed::float8, w.wal_bytes::float8,
       extract(epoch FROM clock_timestamp() - c.stats_reset)::float8 AS seconds,
       (SELECT setting::float8 * 1048576 FROM pg_catalog.pg_settings WHERE name = 'max_wal_size') AS max_wal_size_bytes,
       current_setting('max_wal_size') AS max_wal_size
     FROM (${counters}) AS c, pg_catalog.pg_stat_wal w`,
    "read the statistics of checkpoints",
  );
  return row;
}

export interface RoleFacts {
  readonly role: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  /** Whether the role may create publications in this database. */
  readonly create: boolean;
  /** Undefined: not known to the role, or the server does not warn of it yet (before PostgreSQL 19). */
  readonly md5: boolean | undefined;
}

/** Amazon RDS grants the right to replicate through this role. */
const RDS_REPLICATION = "rds_replication";

export async function inspectRole(client: Client, version: ServerVersion): Promise<RoleFacts> {
  const [row] = await queryRows<Omit<RoleFacts, "md5">>(
    client,
    `SELECT r.rolname::text AS role, r.rolsuper AS superuser,
       r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles l
         WHERE l.rolname = '${RDS_REPLICATION}'
           AND pg_catalog.pg_has_role(r.oid, l.oid, 'MEMBER')) AS replication,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS create
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
    "read the role's rights",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  return { ...row, md5: majorOf(version) < MD5_WARNS ? undefined : await hasMd5(client) };
}

/** Each login with an MD5 password brings a warning. */
const MD5_WARNS = 19;

/** Of the role that logged in. Only superusers may read it, and roles that they allow to. */
async function hasMd5(client: Client): Promise<boolean | undefined> {
  const [rights] = await queryRows<{ readable: boolean }>(
    client,
    "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS readable",
    "see whether passwords may be examined",
  );
  if (rights?.readable !== true) return undefined;
  const [row] = await queryRows<{ md5: boolean }>(
    client,
    `SELECT coalesce(a.rolpassword ~ '^md5[0-9a-f]{32}$', false) AS md5
     FROM pg_catalog.pg_authid a WHERE a.rolname = session_user`,
    "see how the role's password is stored",
  );
  return row?.md5;
}
