import { INVALID_LSN, type Lsn, formatLsn, minLsn } from "../../lsn.ts";
import type { LogIdentity, ServerIdentity } from "./server-identity.ts";

/**
 * The last commit that was passed on, or the commit of a transaction that was cut. A stream that starts there repeats
 * it, which shows that the log is the same.
 */
export interface Anchor {
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly xid: number;
  readonly commitUnixMs: number;
  /** Only a two-phase slot sends it. */
  readonly twoPhase: boolean;
}

/** What is known about the stream so far, from this process or, through FILE, from the one before. */
export interface Received {
  /** The log that it came from; undefined if not known. */
  readonly log?: LogIdentity | undefined;
  /** The slot and database that sent it; undefined if it was this slot, or not known. */
  readonly source?: { readonly database: string; readonly slot: string | undefined } | undefined;
  /** The furthest WAL record of which something was passed on; 0/0 if none. */
  readonly passed: Lsn;
  /** All transactions that ended before it were passed on; 0/0: the slot's position. */
  readonly end: Lsn;
  /** The end of the last message outside of transactions that was passed on; 0/0 if none. */
  readonly messageLsn: Lsn;
  /** No transaction that ended before it is missing. Undefined if not known. */
  readonly complete?: Lsn | undefined;
  /** The position that was last confirmed to the slot. Undefined if not known. */
  readonly confirmed?: Lsn | undefined;
  readonly anchor?: Anchor | undefined;
}

/** The positions of server and slot at a start. */
export interface Standing {
  readonly server: ServerIdentity;
  readonly database: string;
  readonly slotName: string;
  readonly temporary: boolean;
  readonly twoPhase: boolean;
  /** The slot's confirmed_flush_lsn: the server does not send again what committed before it. */
  readonly slotPosition: Lsn;
}

/** Where a stream starts, and the facts that this is based on. */
export interface Start {
  readonly from: Lsn;
  readonly standing: Standing;
  /** What was received before does not belong to what follows. */
  readonly gap: boolean;
}

/** Changes that START_REPLICATION at the old position would skip silently. */
export interface Gap {
  readonly what: string;
  readonly detail: string;
  /** What to do that leaves no gap. */
  readonly hint?: string;
  /**
   * With --allow-gap: where to continue so that nothing that the server has now is skipped. Default: the slot's position.
   */
  readonly from?: Lsn;
}

const NO_END = 0xffff_ffff_ffff_ffffn as Lsn;

const ANOTHER_FILE = "To keep both, and lose nothing: another FILE for this slot (-o).";

/** Why the stream cannot continue without a gap; undefined if it can. */
export function findGap(received: Received, standing: Standing): Gap | undefined {
  const { log, passed } = received;
  const { server } = standing;
  const foreign = otherSource(received, standing);
  if (foreign !== undefined) return foreign;
  if (log !== undefined && log.systemIdentifier !== server.systemIdentifier) {
    return {
      what: `this is another server: its system identifier is ${server.systemIdentifier}, and what was received came from ${log.systemIdentifier}`,
      detail: `Its positions say nothing about what was received up to ${formatLsn(passed)}.`,
      ...(received.source === undefined ? {} : { hint: ANOTHER_FILE }),
    };
  }
  const fork = forkFrom(received, standing);
  if (fork === undefined && passed > INVALID_LSN) return unknownHistory(log, server);
  if (fork !== undefined && passed >= fork) return diverged(received, server, fork);
  if (passed >= server.position) return behind(passed, server);
  return slotMoved(received, standing, fork ?? NO_END);
}

/**
 * The position up to which what was received belongs to this server's log, as far as that can be known without asking
 * the server to repeat a commit.
 */
function forkFrom(received: Received, standing: Standing): Lsn | undefined {
  const { log, passed, confirmed, end } = received;
  const { server, slotPosition } = standing;
  const fork = log === undefined ? NO_END : forkOf(log, server);
  if (log === undefined || fork === undefined || passed < fork) return fork;
  if (passed >= server.position || !descends(server, log, fork)) return fork;
  // Only this server can have moved its slot to the confirmed position beyond the fork.
  const ours = slotPosition > fork && (slotPosition === confirmed || slotPosition === end);
  const anchor = repeatable(received, standing);
  return ours || (anchor !== undefined && anchor.commitLsn >= fork) ? NO_END : fork;
}

/**
 * Whether the received timeline continues in the server's. When a standby is promoted, its walsender continues to
 * stream without saying so: the rest of what was received then belongs to the new timeline.
 */
function descends({ history }: ServerIdentity, log: LogIdentity, fork: Lsn): boolean {
  return history?.some(({ timeline, end }) => timeline === log.timeline && end === fork) === true;
}

/** The commit that the server can be asked to repeat; undefined if the slot is past it. */
function repeatable({ anchor, end }: Received, standing: Standing): Anchor | undefined {
  const { slotPosition, twoPhase } = standing;
  if (anchor === undefined || slotPosition > anchor.commitLsn) return undefined;
  // ALTER_REPLICATION_SLOT (18) can make the slot one that is not two-phase.
  if (anchor.twoPhase && !twoPhase) return undefined;
  // Otherwise something else ended after that commit, and only a commit can be an anchor.
  return anchor.commitLsn >= end || anchor.endLsn === end ? anchor : undefined;
}

/** The gap if the server does not repeat the commit that was to show that its log is the one received. */
export function gapWithoutAnchor(received: Received, { server }: Standing): Gap | undefined {
  const { log, passed } = received;
  const fork = log && forkOf(log, server);
  return fork === undefined || passed < fork ? undefined : diverged(received, server, fork);
}

/**
 * The position up to which two logs of one system are the same: where either left their last common timeline. The
 * highest position if they are on the same timeline; undefined if a history is not known.
 */
export function forkOf(one: LogIdentity, other: LogIdentity): Lsn | undefined {
  if (one.timeline === other.timeline && (one.history ?? other.history) === undefined)
    return NO_END;
  const timelines = [one, other].map(({ history, timeline }) =>
    history === undefined ? undefined : [...history, { timeline, end: NO_END }],
  );
  const [ours, theirs] = timelines;
  if (ours === undefined || theirs === undefined) {
    return one.timeline === other.timeline ? NO_END : undefined;
  }
  let fork = INVALID_LSN;
  for (const [index, { timeline, end }] of ours.entries()) {
    const there = theirs[index];
    if (there?.timeline !== timeline) return fork;
    fork = minLsn(end, there.end);
    if (end !== there.end) return fork;
  }
  return fork;
}

/** FILE contains what another slot sent, or a slot of another database. */
function otherSource({ source }: Received, standing: Standing): Gap | undefined {
  if (source === undefined) return undefined;
  const { database, slotName, temporary } = standing;
  const otherSlot = source.slot !== undefined && !temporary && source.slot !== slotName;
  if (source.database === database && !otherSlot) return undefined;
  const whose = source.slot === undefined ? "a temporary slot" : `slot "${source.slot}"`;
  return {
    what: `the file holds what ${whose} of database "${source.database}" sent, not slot "${slotName}" of database "${database}"`,
    detail: "Where its last transaction ends says nothing about what this slot has to send.",
    hint: ANOTHER_FILE,
  };
}

function unknownHistory(log: LogIdentity | undefined, server: ServerIdentity): Gap {
  return {
    what: `the server is on timeline ${server.timeline} and what was received is of timeline ${log?.timeline ?? 0}; the server does not have the history file that relates them`,
    detail: "What committed on the new timeline may be skipped.",
  };
}

function diverged(received: Received, server: ServerIdentity, fork: Lsn): Gap {
  const { log, passed, end } = received;
  const range = `${formatLsn(fork)} and ${formatLsn(passed)}`;
  return {
    what: `the server does not have all that was received: its timeline ${server.timeline} and timeline ${log?.timeline ?? 0}, which was received, part at ${formatLsn(fork)}`,
    detail: `What was received between ${range} is not in this server's log, and what it has there itself has not been received.`,
    from: minLsn(end, fork),
  };
}

function behind(passed: Lsn, { position }: ServerIdentity): Gap {
  return {
    what: `the server is at ${formatLsn(position)}, and changes up to ${formatLsn(passed)} have been received: the server was restored from an older state, or is another one`,
    detail: `What commits on it before ${formatLsn(passed)} would be skipped.`,
  };
}

/** The transaction of that xid is another one than that of which a part was received. */
export function otherTransaction(xid: number): Gap {
  return {
    what: `the server's log is not the one that was received: a change of transaction ${xid} that was received is not in it`,
    detail:
      "The server has been restored from an older state, and has given that xid to another transaction.",
  };
}

/** Somebody else has used the slot, or created a new one of the same name. */
function slotMoved(received: Received, standing: Standing, fork: Lsn): Gap | undefined {
  const { slotName, slotPosition } = standing;
  if (received.complete === undefined) return undefined;
  const complete = minLsn(received.complete, fork);
  if (slotPosition <= complete) return undefined;
  const range = `${formatLsn(complete)} and ${formatLsn(slotPosition)}`;
  return {
    what: `slot "${slotName}" is at ${formatLsn(slotPosition)}, beyond what was received, ${formatLsn(complete)}: it was advanced, or dropped and created again, by somebody else`,
    detail: `What committed between ${range} has not been received and is not sent any more.`,
  };
}

/** The commit at which the stream can start so that the server repeats it. */
export function usableAnchor(received: Received, standing: Standing): Anchor | undefined {
  const anchor = repeatable(received, standing);
  const fork = forkFrom(received, standing) ?? INVALID_LSN;
  return anchor !== undefined && anchor.commitLsn < fork ? anchor : undefined;
}

/** The server is older than before, although it has everything that was passed on. */
export function isRewound({ complete }: Received, { server }: Standing): boolean {
  return complete !== undefined && complete > server.position;
}
