import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { type Lsn, formatLsn, parseLsn, unpadded } from "../../lsn.ts";
import { quoteLiteral } from "../query/sql.ts";
import { inTransaction, queryRows } from "../query/statement.ts";

/** A row as the server prints it in JSON; `header`: the head of the file, which comes first. */
export interface ExportedRow {
  readonly catalog: string;
  readonly line: Readonly<Record<string, unknown>>;
}

const DOING = "export the catalogue";
const BATCH_ROWS = 10_000;
/** A standby that replays a commit every millisecond needs two or three. */
const ATTEMPTS = 50;
const FLUSH_WAIT_MS = 60_000;
const FLUSH_POLL_MS = 20;
/** XLOG_BLCKSZ, and the headers of pages (access/xlog_internal.h). */
const PAGE_BYTES = 8192n;
const SHORT_HEADER_BYTES = 24n;
const LONG_HEADER_BYTES = 40n;
const SEGMENT_BYTES_MIN = 1n << 20n;

const POSITION =
  "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text";
const ISO_UTC = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
/** The name behind its schema's, which is not needed on the search_path. */
const QUALIFIED =
  "CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END";

/**
 * The catalogue of the session's database, in one snapshot. Any role may read it.
 * @param accept gets the rows in batches, the header's first
 */
export async function exportCatalog(
  client: Client,
  accept: (rows: readonly ExportedRow[]) => Promise<void> | undefined,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = await readRunning(client);
    if (await inTransaction(client, "COMMIT", DOING, () => tryExport(client, before, accept))) {
      return await waitForFlush(client);
    }
  }
  throw new WalctlError(
    "could not export the catalogue: the standby replays commits all the time",
    {
      hint: "Try again, or export it from the primary.",
    },
  );
}

/**
 * A crash takes back what the server has not flushed, so the catalogue may hold nothing of that. Where nobody commits with
 * synchronous_commit = on, the background writer's next snapshot of running transactions leads to a flush, within 15 s.
 */
async function waitForFlush(client: Client): Promise<void> {
  const [row] = await queryRows<{ written: string | null }>(
    client,
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END AS written",
    DOING,
  );
  const written = parseLsn(row?.written ?? "");
  // A standby replays only what has been flushed there.
  if (written === undefined) return;
  const target = formatLsn(endOfRecord(written));
  const deadline = performance.now() + FLUSH_WAIT_MS;
  for (;;) {
    const [state] = await queryRows<{ flushed: boolean }>(
      client,
      `SELECT pg_current_wal_flush_lsn() >= ${quoteLiteral(target)}::pg_lsn AS flushed`,
      DOING,
    );
    if (state?.flushed === true) return;
    if (performance.now() > deadline) {
      throw new WalctlError(
        `could not export the catalogue: the server has not flushed its WAL up to ${target}`,
        { hint: "Try again: a commit with synchronous_commit = on flushes it." },
      );
    }
    await sleep(FLUSH_POLL_MS);
  }
}

/**
 * At a page's start pg_current_wal_insert_lsn() is behind the page's header, and what can be flushed is before it. A segment
 * is a multiple of a megabyte.
 */
export function endOfRecord(insertLsn: Lsn): Lsn {
  if (insertLsn % PAGE_BYTES === SHORT_HEADER_BYTES) return (insertLsn - SHORT_HEADER_BYTES) as Lsn;
  const isFirst = insertLsn % SEGMENT_BYTES_MIN === LONG_HEADER_BYTES;
  return isFirst ? ((insertLsn - LONG_HEADER_BYTES) as Lsn) : insertLsn;
}

/** What was running a moment before: on a standby pg_current_snapshot() leaves it out. */
interface Running {
  readonly lsn: string;
  readonly xmax: string;
  /** Subtransactions too. */
  readonly xids: readonly string[];
}

/**
 * Before its first record a transaction has an xid, and locks it until it has ended. A standby shows no such locks, but knows the
 * next xid from the records that it has replayed.
 */
async function readRunning(client: Client): Promise<Running> {
  // Statements of their own: what has written WAL before the position is to be seen afterwards.
  const [position] = await queryRows<{ lsn: string }>(client, `SELECT ${POSITION} AS lsn`, DOING);
  const [running] = await queryRows<Omit<Running, "lsn">>(
    client,
    `SELECT pg_snapshot_xmax(s)::text AS xmax,
       CASE WHEN pg_is_in_recovery() THEN ARRAY(
         SELECT x::text FROM generate_series(pg_snapshot_xmin(s)::text::int8,
           pg_snapshot_xmin(s)::text::int8 + age(pg_snapshot_xmin(s)::xid) - 1) AS x
         WHERE pg_xact_status(x::text::xid8) = 'in progress')
       ELSE ARRAY(
         SELECT transactionid::text FROM pg_locks
         WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted) END AS xids
     FROM pg_current_snapshot() AS s`,
    DOING,
  );
  return { lsn: position!.lsn, ...running! };
}

/** Returns false where it cannot be told whether the snapshot holds a transaction; then nothing was accepted. */
async function tryExport(
  client: Client,
  before: Running,
  accept: (rows: readonly ExportedRow[]) => Promise<void> | undefined,
): Promise<boolean> {
  await openCursor(client, before);
  for (let first = true; ; first = false) {
    const rows = await queryRows<ExportedRow & Record<string, unknown>>(
      client,
      `FETCH FORWARD ${BATCH_ROWS} FROM walctl_catalog`,
      DOING,
    );
    if (rows.length === 0) return true;
    const accepted = first ? withHeader(rows, before) : rows;
    if (accepted === undefined) return false;
    await accept(accepted);
  }
}

/** One statement, so that all of it is of one snapshot. `standby` is what was running in that; null: pg_current_snapshot() tells it. */
async function openCursor(client: Client, { xmax, xids }: Running): Promise<void> {
  await queryRows(
    client,
    `DECLARE walctl_catalog NO SCROLL CURSOR FOR
     SELECT 'header' AS catalog, row_to_json(h) AS line FROM (
       SELECT 1 AS format, current_setting('server_version_num')::int AS server_version_num,
         (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
         CASE WHEN pg_is_in_recovery() THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()),
             (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
           ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END AS timeline,
         d.datname AS database, d.oid::int8 AS database_oid, d.dattablespace::int8 AS tablespace,
         pg_encoding_to_char(d.encoding) AS encoding, current_setting('lc_monetary') AS lc_monetary,
         ${POSITION} AS lsn,
         pg_current_snapshot()::text AS snapshot,
         to_char(clock_timestamp() AT TIME ZONE 'UTC', ${ISO_UTC}) AS time,
         'pg_catalog.array_subscript_handler'::regproc::oid::int8 AS array_handler,
         (SELECT json_object_agg(relname, coalesce(nullif(relfilenode, 0), pg_relation_filenode(oid), 0)::int8)
          FROM pg_catalog.pg_class WHERE oid IN (1247, 1249, 1259, 2610, 2615, 3501, 3541)) AS filenodes,
         (SELECT json_build_object('running', coalesce(json_agg(x::text ORDER BY x) FILTER (WHERE status = 'in progress'), '[]'),
              'doubtful', count(*) FILTER (WHERE status = 'committed'))
          FROM (SELECT x, pg_xact_status(x::text::xid8) AS status FROM (
            SELECT unnest('{${xids.join(",")}}'::int8[]) AS x
            UNION SELECT generate_series(${xmax}, pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 1)) AS a
            WHERE x < pg_snapshot_xmax(pg_current_snapshot())::text::int8) AS b
          HAVING pg_is_in_recovery()) AS standby
       FROM pg_catalog.pg_database d WHERE d.datname = current_database()) AS h
     UNION ALL SELECT 'pg_class', row_to_json(r) FROM (
       SELECT ctid, oid::int8, relname, relnamespace::int8,
         coalesce(nullif(relfilenode, 0), pg_relation_filenode(oid), 0)::int8 AS relfilenode,
         reltablespace::int8, relkind, relreplident, reltoastrelid::int8, relpersistence, relrewrite::int8
       FROM pg_catalog.pg_class) AS r
     UNION ALL SELECT 'pg_attribute', row_to_json(r) FROM (
       SELECT ctid, attrelid::int8, attname, atttypid::int8, attlen, attnum, atttypmod, attalign, attisdropped,
         attgenerated, atthasmissing, (attmissingval::text::text[])[1] AS attmissingval
       FROM pg_catalog.pg_attribute WHERE attnum > 0) AS r
     UNION ALL SELECT 'pg_type', row_to_json(r) FROM (
       SELECT ctid, oid::int8, typname, typnamespace::int8, typlen, typtype, typcategory, typelem::int8, typdelim,
         typrelid::int8, typbasetype::int8, typalign, typsubscript::oid::int8
       FROM pg_catalog.pg_type) AS r
     UNION ALL SELECT 'pg_namespace', row_to_json(r) FROM (
       SELECT ctid, oid::int8, nspname FROM pg_catalog.pg_namespace) AS r
     UNION ALL SELECT 'pg_index', row_to_json(r) FROM (
       SELECT ctid, indexrelid::int8, indrelid::int8, indkey, indnkeyatts, indisreplident, indisprimary, indimmediate,
         indisvalid
       FROM pg_catalog.pg_index) AS r
     UNION ALL SELECT 'pg_enum', row_to_json(r) FROM (
       SELECT ctid, oid::int8, enumlabel FROM pg_catalog.pg_enum) AS r
     UNION ALL SELECT 'pg_range', row_to_json(r) FROM (
       SELECT ctid, rngtypid::int8, rngsubtype::int8, rngmultitypid::int8 FROM pg_catalog.pg_range) AS r
     UNION ALL SELECT 'pg_replication_origin', row_to_json(r) FROM (
       SELECT roident::int8, roname FROM pg_catalog.pg_replication_origin) AS r
     UNION ALL SELECT 'reg_names', row_to_json(r) FROM (
       SELECT 'regproc' AS type, oid::int8, oid::regproc::text AS name FROM pg_catalog.pg_proc
       UNION ALL SELECT 'regprocedure', oid::int8, oid::regprocedure::text FROM pg_catalog.pg_proc
       UNION ALL SELECT 'regoper', oid::int8, oid::regoper::text FROM pg_catalog.pg_operator
       UNION ALL SELECT 'regoperator', oid::int8, oid::regoperator::text FROM pg_catalog.pg_operator
       UNION ALL SELECT 'regcollation', oid::int8, oid::regcollation::text FROM pg_catalog.pg_collation
       UNION ALL SELECT 'regconfig', c.oid::int8, ${QUALIFIED} || quote_ident(cfgname)
         FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = cfgnamespace
       UNION ALL SELECT 'regdictionary', d.oid::int8, ${QUALIFIED} || quote_ident(dictname)
         FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = dictnamespace
       UNION ALL SELECT 'regrole', oid::int8, quote_ident(rolname) FROM pg_catalog.pg_roles
       UNION ALL SELECT 'regdatabase', oid::int8, quote_ident(datname) FROM pg_catalog.pg_database
         WHERE current_setting('server_version_num')::int >= 190000) AS r
       -- What has been dropped meanwhile is printed as a number.
       WHERE name <> oid::text
     UNION ALL SELECT 'extension_types', row_to_json(r) FROM (
       SELECT objid::int8 AS oid, extname AS extension FROM pg_catalog.pg_depend JOIN pg_catalog.pg_extension e ON e.oid = refobjid
       JOIN pg_catalog.pg_type t ON t.oid = objid AND typtype = 'b' AND typelem = 0
       WHERE classid = 'pg_catalog.pg_type'::regclass AND refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e') AS r`,
    DOING,
  );
}

/** `standby` goes into the snapshot. Undefined: what has committed meanwhile may be in it or not. */
function withHeader(
  [first, ...rows]: readonly ExportedRow[],
  { lsn, xids }: Running,
): readonly ExportedRow[] | undefined {
  if (first?.catalog !== "header") throw new TypeError("the header is not the first row");
  const { standby, ...server } = first.line as HeaderRow;
  const running = {
    lsn: unpadded(lsn),
    xids: xids.map((xid) => Number(BigInt.asUintN(32, BigInt(xid)))),
  };
  const header = { ...server, lsn: unpadded(server.lsn), running };
  if (standby === null) return [{ catalog: "header", line: header }, ...rows];
  if (standby.doubtful > 0) return undefined;
  const snapshot = `${header.snapshot.replace(/[^:]*$/, "")}${standby.running.join(",")}`;
  return [{ catalog: "header", line: { ...header, snapshot } }, ...rows];
}

type HeaderRow = ExportedRow["line"] & {
  readonly lsn: string;
  readonly snapshot: string;
  readonly standby: { readonly running: readonly number[]; readonly doubtful: number } | null;
};
