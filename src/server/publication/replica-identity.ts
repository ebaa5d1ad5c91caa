import type { Client } from "pg";
import { type MemberRow, readMembers } from "./identity-members.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import type { PublicationState, PublishedTable } from "./plan.ts";
import { replicaIdentityDefaultSql, replicaIdentityFullSql } from "./sql.ts";
import { printableSql, quoteIdentifier, quoteQualified } from "../query/sql.ts";

/** Why the server rejects UPDATE and DELETE of a table, from every program, while it is published. */
export interface IdentityFault {
  /** The publication's table that it belongs to: itself, or a partitioned table above it. */
  readonly root: number;
  /** The table at fault, as SQL names it. */
  readonly table: string;
  /** `table "public"."t" has no replica identity` */
  readonly cause: string;
  /** The table has none at all. */
  readonly missing: boolean;
  /** UPDATE, DELETE. */
  readonly rejected: readonly string[];
  /** The cause and the effect. */
  readonly message: string;
  /** `fix`, or what to do in words. */
  readonly hint: string;
  /** SQL that helps; undefined: the table needs another column list or a key. */
  readonly fix: string | undefined;
  /** SQL that lets the whole row identify itself, where that helps. */
  readonly full: string | undefined;
}

/**
 * Finds what makes the server reject writes (manual: Publication, Replica Identity; Row Filters; Column Lists;
 * Generated Column Replication). For a partitioned table the server checks each leaf partition's own identity, whatever
 * the root has.
 * @param publication its name, since other publications matter too
 */
export async function findIdentityFaults(
  client: Client,
  version: ServerVersion,
  publication: string,
  state: PublicationState,
): Promise<readonly IdentityFault[]> {
  const rejected = state.publish
    .filter((name) => name === "update" || name === "delete")
    .map((name) => name.toUpperCase());
  if (rejected.length === 0) return [];
  const tables = new Map(state.tables.map((table) => [table.oid, table]));
  const faults = new Map<string, IdentityFault>();
  for (const member of publishedAs(await readMembers(client, version, publication, state), state)) {
    const fault = faultOf(member, tables.get(member.root), state, rejected);
    if (fault !== undefined) faults.set(fault.message, fault);
  }
  return [...faults.values()];
}

/** Via the root, the column list and filter of the topmost published table apply to its partitions. */
function publishedAs(members: readonly MemberRow[], state: PublicationState): readonly MemberRow[] {
  if (!state.viaPartitionRoot) return members;
  const topmost = new Map<number, MemberRow>();
  for (const member of members) {
    const known = topmost.get(member.oid);
    if (known === undefined || known.level < member.level) topmost.set(member.oid, member);
  }
  return [...topmost.values()];
}

function faultOf(
  member: MemberRow,
  published: PublishedTable | undefined,
  state: PublicationState,
  rejected: readonly string[],
): IdentityFault | undefined {
  const found = member.full
    ? faultOfFull(member, published, state)
    : faultOfKey(member, published, state);
  if (found === undefined) return undefined;
  const { root, schema, name, setting, has_key: hasKey } = member;
  const table = quoteQualified(schema, name);
  const plain = published?.columns === undefined && published?.filter === undefined;
  const isLeftOut = setting !== "d" && hasKey && plain && member.stored.length === 0;
  const full =
    !member.full && !member.not_full && faultOfFull(member, published, state) === undefined
      ? replicaIdentityFullSql(schema, name)
      : undefined;
  const fix = isLeftOut ? replicaIdentityDefaultSql(schema, name) : full;
  const { cause, advice } = found;
  return {
    root,
    table,
    cause,
    rejected,
    missing: !member.full && member.identity === null,
    message: `${cause}: ${effectOf(rejected, 1)}`,
    hint: fix === undefined ? advice : printableSql(fix),
    fix,
    full,
  };
}

export function effectOf(rejected: readonly string[], tables: number): string {
  const [them, are] = tables === 1 ? ["it", "it is"] : ["them", "they are"];
  return `the server rejects ${rejected.join(" and ")} of ${them} from every program while ${are} published`;
}

interface Found {
  readonly cause: string;
  readonly advice: string;
}

const GENERATED =
  "Publish the generated columns (--generated-columns stored), or give the table a primary key without generated columns and REPLICA IDENTITY DEFAULT.";
/** What a table without a replica identity has. */
const LACKS = {
  d: "no replica identity",
  n: "REPLICA IDENTITY NOTHING",
  i: "REPLICA IDENTITY USING INDEX, and that index is gone",
  f: "no replica identity",
};
const KEY = "a primary key that is within the column list";

function faultOfFull(
  { schema, name, stored, virtual }: MemberRow,
  table: PublishedTable | undefined,
  { generatedColumns }: PublicationState,
): Found | undefined {
  const subject = `table ${quoteQualified(schema, name)}`;
  if (table?.columns !== undefined) {
    const advice = `Publish all columns, or give it ${KEY} and REPLICA IDENTITY DEFAULT.`;
    return { cause: `${subject} has REPLICA IDENTITY FULL and a column list`, advice };
  }
  if (virtual) {
    const advice = "Give it a primary key and REPLICA IDENTITY DEFAULT.";
    return { cause: `${subject} has REPLICA IDENTITY FULL and virtual generated columns`, advice };
  }
  if (stored.length === 0 || generatedColumns === "stored") return undefined;
  const cause = `${subject} has REPLICA IDENTITY FULL and generated columns that are not published`;
  return { cause, advice: GENERATED };
}

function faultOfKey(
  { schema, name, identity, setting, has_key: hasKey, stored }: MemberRow,
  published: PublishedTable | undefined,
  { generatedColumns }: PublicationState,
): Found | undefined {
  const subject = `table ${quoteQualified(schema, name)}`;
  const columns = published?.columns;
  if (identity === null) {
    const key = columns === undefined ? "a primary key" : KEY;
    const parts = [
      ...(hasKey ? [] : [key]),
      ...(setting === "d" ? [] : ["REPLICA IDENTITY DEFAULT"]),
    ];
    return { cause: `${subject} has ${LACKS[setting]}`, advice: `Give it ${parts.join(" and ")}.` };
  }
  const unlisted =
    columns === undefined ? [] : identity.filter((column) => !columns.includes(column));
  if (unlisted.length > 0) {
    const cause = `the column list of ${subject} lacks ${listed(unlisted)} of its replica identity`;
    return { cause, advice: "Add what it lacks." };
  }
  const unpublished =
    columns === undefined && generatedColumns === "none"
      ? identity.filter((column) => stored.includes(column))
      : [];
  if (unpublished.length > 0) {
    const cause = `the replica identity of ${subject} has generated columns that are not published: ${listed(unpublished)}`;
    return { cause, advice: GENERATED };
  }
  const filtered = published?.filterColumns ?? [];
  const unidentified = filtered.filter((column) => !identity.includes(column));
  if (unidentified.length === 0) return undefined;
  const cause = `WHERE of ${subject} looks at ${listed(unidentified)}, which its replica identity lacks`;
  return { cause, advice: "Filter by the columns of the key only." };
}

function listed(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(", ");
}
