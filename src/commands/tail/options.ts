import { usageError } from "../../errors.ts";
import { type Lsn, parseLsn } from "../../lsn.ts";
import type { PgoutputOptions, Streaming } from "../../server/settings/pgoutput-options.ts";
import type { ConnectionFlags } from "../../server/target/target.ts";
import type { FilterFlags } from "../messages/filter.ts";
import { type OutputFlags, parseCount, parseSeconds } from "../options.ts";
import type { PublicationFlags } from "../publication-flags.ts";
import type { RendererFlags } from "../messages/renderer.ts";

export interface TailFlags
  extends ConnectionFlags, OutputFlags, FilterFlags, PublicationFlags, RendererFlags {
  readonly slot?: string;
  readonly publication?: readonly string[];
  readonly bootstrap?: boolean;
  readonly ack?: boolean;
  readonly ackFrom?: string;
  readonly allowGap?: boolean;
  readonly output?: string;
  readonly capture?: string;
  readonly startpos?: string;
  readonly endpos?: string;
  readonly limit?: string;
  readonly statusInterval: string;
  readonly streaming?: Streaming;
  readonly twoPhase?: boolean;
  readonly origin?: "any" | "none";
  readonly messages?: boolean;
  readonly binary?: boolean;
  /** False: --no-loop. */
  readonly loop: boolean;
  readonly wait?: boolean;
  readonly values: "json" | "text";
  readonly safeNumbers?: boolean;
}

export interface TailOptions {
  readonly slot: string | undefined;
  /** Empty: the only one of the database. */
  readonly publications: readonly string[];
  readonly acknowledge: boolean;
  readonly startpos: Lsn | undefined;
  readonly allowGap: boolean;
  readonly endpos: Lsn | "now" | undefined;
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly pgoutput: PgoutputOptions;
  readonly reconnect: boolean;
  readonly waitForSlot: boolean;
}

/** @throws WalctlError, a usage error */
export function tailOptions(flags: TailFlags): TailOptions {
  const publications = flags.publication ?? [];
  if (publications.length === 0 && flags.bootstrap === true) {
    throw usageError(
      "--bootstrap has no name for the publication",
      "Name it with -P: it is created if it is missing.",
    );
  }
  const acknowledge = flags.ack === true || flags.ackFrom !== undefined;
  if (acknowledge && flags.slot === undefined) {
    throw usageError(
      "to acknowledge there must be a slot to advance",
      "Name one with -S; walctl create-slot makes one.",
    );
  }
  return {
    slot: flags.slot,
    publications,
    acknowledge,
    startpos: flags.startpos === undefined ? undefined : requireLsn("--startpos", flags.startpos),
    allowGap: flags.allowGap ?? false,
    endpos: parseEndpos(flags.endpos),
    limit: flags.limit === undefined ? undefined : parseCount("--limit", flags.limit, 1),
    statusIntervalMs: parseSeconds("--status-interval", flags.statusInterval, 0.1),
    pgoutput: {
      publications,
      streaming: flags.streaming ?? "off",
      twoPhase: flags.twoPhase ?? false,
      origin: flags.origin ?? "any",
      messages: flags.messages ?? false,
      binary: flags.binary ?? false,
    },
    reconnect: flags.loop,
    waitForSlot: flags.wait ?? false,
  };
}

function parseEndpos(text: string | undefined): Lsn | "now" | undefined {
  if (text === undefined || text === "now") return text;
  return requireLsn("--endpos", text);
}

function requireLsn(option: string, text: string): Lsn {
  const lsn = parseLsn(text);
  if (lsn !== undefined) return lsn;
  throw usageError(`${option} takes an LSN such as 16/B374D848, not "${text}"`);
}
