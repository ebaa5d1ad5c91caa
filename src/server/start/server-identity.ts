import type { Client } from "pg";
import { INVALID_LSN, type Lsn, parseLsn } from "../../lsn.ts";
import { NO_WALSENDER, sqlStateOf } from "../query/server-errors.ts";
import { queryRows } from "../query/statement.ts";
import { SqlState } from "../query/sqlstate.ts";

/** An earlier timeline, and the position where the next one left it. */
export interface TimelineEnd {
  readonly timeline: number;
  readonly end: Lsn;
}

/** Identifies a log: initdb assigns the system identifier, each promotion or point-in-time recovery a timeline. */
export interface LogIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The earlier timelines, oldest first. Undefined if the server no longer has the history file. */
  readonly history: readonly TimelineEnd[] | undefined;
}

export interface ServerIdentity extends LogIdentity {
  /** The position up to which the log is flushed or, on a standby, received. */
  readonly position: Lsn;
}

/** The history file of timeline N does not exist (undefined_file), or cannot be read. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  SqlState.undefinedFile,
  SqlState.ioError,
  SqlState.insufficientPrivilege,
]);

/** Manual: Streaming Replication Protocol, IDENTIFY_SYSTEM and TIMELINE_HISTORY. */
export async function identifyServer(client: Client): Promise<ServerIdentity> {
  const [row] = await queryRows<{ systemid: string; timeline: number | string; xlogpos: string }>(
    client,
    "IDENTIFY_SYSTEM",
    "identify the server",
    { [SqlState.syntaxError]: NO_WALSENDER },
  );
  const timeline = Number(row?.timeline);
  return {
    systemIdentifier: row?.systemid ?? "",
    timeline,
    history: await readHistory(client, timeline),
    position: parseLsn(row?.xlogpos ?? "") ?? INVALID_LSN,
  };
}

async function readHistory(
  client: Client,
  timeline: number,
): Promise<readonly TimelineEnd[] | undefined> {
  // The first timeline has no history file.
  if (timeline === 1) return [];
  try {
    const [row] = await queryRows<{ content: Uint8Array | string }>(
      client,
      `TIMELINE_HISTORY ${timeline}`,
      `read the history of timeline ${timeline}`,
    );
    return parseTimelineHistory(String(row?.content ?? ""));
  } catch (error) {
    if (FILE_ERRORS.has(sqlStateOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** Lines of `TIMELINE <tab> LSN <tab> REASON`; others are comments. */
export function parseTimelineHistory(text: string): readonly TimelineEnd[] {
  const ends: TimelineEnd[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    const end = match?.[2] === undefined ? undefined : parseLsn(match[2]);
    if (end !== undefined) ends.push({ timeline: Number(match?.[1]), end });
  }
  return ends;
}
