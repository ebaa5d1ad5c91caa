import { usageError } from "../../errors.ts";
import { type Lsn, isNow } from "../../lsn.ts";
import { fileStatePath, temporaryStatePath } from "../../output/file/file-state.ts";
import {
  type NamedFile,
  isDescriptorName,
  requireDifferentFiles,
} from "../../output/file/same-file.ts";
import type { PgTime } from "../../pg-time.ts";
import type { PublicationPlan } from "../../server/publication/plan.ts";
import { SUGGESTED_NAME } from "../../server/publication/name.ts";
import type { PgoutputOptions } from "../../server/settings/pgoutput-options.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget } from "../connection.ts";
import type { CommandContext } from "../../program/context.ts";
import { type Asked, type AskedFlags, askedOf } from "../../messages/run/asked.ts";
import { checkSummary } from "../../messages/run/summary.ts";
import {
  type OutputOptions,
  outputOptions,
  parseCount,
  parseSeconds,
} from "../../program/options.ts";
import { requireLsn } from "../positions.ts";
import { type PublicationFlags, publicationPlan } from "../publication-flags.ts";

export interface TailFlags extends ConnectionFlags, AskedFlags, PublicationFlags {
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
  readonly origin?: "any" | "none";
  readonly messages?: boolean;
  readonly binary?: boolean;
  /** False: --no-loop. */
  readonly loop: boolean;
  readonly wait?: boolean;
}

/** The options of tail in the terms of the rooms below. */
export interface TailConfig extends Asked {
  readonly target: ConnectionTarget;
  readonly slot: string | undefined;
  /** Without -P the publications are empty until withPublication() finds the database's only one. */
  readonly pgoutput: PgoutputOptions;
  /** --bootstrap */
  readonly createMissing: boolean;
  /** The definition of a publication to create. Undefined if the flags do not say. */
  readonly plan: PublicationPlan | undefined;
  /** The slot advances to what was written, or with `ackFrom` to what the consumer confirms. */
  readonly acknowledge: boolean;
  /** The path that confirmations come from. */
  readonly ackFrom: string | undefined;
  readonly startpos: Lsn | undefined;
  readonly allowGap: boolean;
  readonly endpos: Lsn | "now" | undefined;
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly reconnect: boolean;
  readonly waitForSlot: boolean;
  /** --output. Undefined: standard output. */
  readonly file: string | undefined;
  readonly capture: string | undefined;
  /** --until, which the stream itself ends by. */
  readonly until: PgTime | undefined;
  readonly output: OutputOptions;
}

/** `--output -` means the same as no --output. */
const STANDARD_OUTPUT = "-";

/**
 * Turns flags into typed options. The code behind it sees no flag.
 * @throws WalctlError, a usage error
 */
export function tailConfig(
  flags: TailFlags,
  env: CommandContext["env"],
  terminal: Pick<CommandContext, "stdout" | "stderr" | "stop">,
): TailConfig {
  const file = flags.output === STANDARD_OUTPUT ? undefined : flags.output;
  const { capture, ackFrom, slot } = flags;
  requireOwnFiles(file, capture, ackFrom);
  const toFile = file !== undefined && flags.format === "auto";
  const output = outputOptions(toFile ? { ...flags, format: "ndjson" } : flags, {
    env,
    ...terminal,
  });
  if (file !== undefined && (output.format !== "ndjson" || output.dialect !== "walctl")) {
    const isSql = output.dialect === "sql";
    const hint = isSql ? "Redirect SQL: > FILE" : "Leave --format out, or: --format ndjson";
    throw usageError("--output takes NDJSON only", hint);
  }
  const createMissing = flags.bootstrap ?? false;
  const publications = flags.publication ?? (createMissing ? [SUGGESTED_NAME] : []);
  const [publication] = publications;
  const defines = ["table", "schema", "allTables"] as const;
  const defined = createMissing ? undefined : defines.find((flag) => flags[flag] !== undefined);
  if (defined !== undefined) {
    throw usageError(
      `--${defined === "allTables" ? "all-tables" : defined} says what --bootstrap publishes`,
      "To print some tables only: --only-table PATTERN",
    );
  }
  const acknowledge = flags.ack === true || ackFrom !== undefined;
  if (acknowledge && slot === undefined) {
    throw usageError(
      "to acknowledge there must be a slot to advance",
      "Name one with -S; walctl create-slot makes one.",
    );
  }
  checkSummary(flags, acknowledge, file);
  checkUndo(flags, acknowledge);
  const asked = askedOf({ ...flags, follow: true }, output);
  const { until, ...gate } = asked.gate;
  const uncommitted = (flags.streaming ?? "off") !== "off" || flags.twoPhase === true;
  if (gate.since !== undefined && uncommitted) {
    throw usageError(
      "--since needs commit times, and --streaming and --two-phase send what has not committed",
      "Leave these out: a transaction then comes when it has committed.",
    );
  }
  return {
    slot,
    createMissing,
    acknowledge,
    ackFrom,
    file,
    capture,
    output,
    startpos:
      flags.startpos === undefined
        ? undefined
        : requireLsn("--startpos", flags.startpos, "Without -S and -I a stream starts now."),
    allowGap: flags.allowGap ?? false,
    endpos: parseEndpos(flags.endpos),
    limit: flags.limit === undefined ? undefined : parseCount("--limit", flags.limit, 1),
    statusIntervalMs: parseSeconds("--status-interval", flags.statusInterval, 0.1),
    // What a temporary slot has not sent is gone with the connection.
    reconnect: flags.loop && (flags.undo !== true || slot !== undefined),
    waitForSlot: flags.wait ?? false,
    pgoutput: {
      publications,
      streaming: flags.streaming ?? "off",
      twoPhase: flags.twoPhase ?? false,
      origin: flags.origin ?? "any",
      messages: flags.messages ?? false,
      binary: flags.binary ?? false,
    },
    // It may print a warning, so it comes after the errors in the flags above.
    target: connectionTarget(flags, { env, ...terminal }),
    ...asked,
    gate: { ...gate, until: undefined },
    until,
    plan: createMissing ? publicationPlan(publication ?? "", flags) : undefined,
  };
}

/** An undo is printed backwards, once everything has come. */
function checkUndo(flags: TailFlags, acknowledge: boolean): void {
  const { undo, allowGap, endpos, until, limit, slot } = flags;
  if (undo !== true) return;
  if (allowGap === true) {
    throw usageError("--allow-gap is not for --undo: what is missing would not be taken back");
  }
  if (acknowledge) {
    throw usageError(
      "--undo prints no changes that could be acknowledged",
      "Without --ack it looks at what the slot holds and leaves it there.",
    );
  }
  if (endpos === undefined && until === undefined && limit === undefined) {
    throw usageError("--undo needs an end to begin at", "For all that the slot holds now: -E now");
  }
  if (endpos === "now" && slot === undefined) {
    throw usageError(
      "--undo -E now has nothing to undo without a slot: a temporary one starts now",
      "Name one with -S, or read the WAL: walctl decode-file --catalog FILE",
    );
  }
}

function parseEndpos(text: string | undefined): Lsn | "now" | undefined {
  if (text === undefined) return undefined;
  return isNow(text) ? "now" : requireLsn("--endpos", text);
}

/** @throws WalctlError, a usage error, for a file that is given for two purposes */
function requireOwnFiles(
  output: string | undefined,
  capture: string | undefined,
  ackFrom: string | undefined,
): void {
  const files: NamedFile[] = [];
  if (output === undefined) files.push(["standard output", 1]);
  else {
    files.push([`--output "${output}"`, output]);
    for (const path of [fileStatePath(output), temporaryStatePath(output)]) {
      if (!isDescriptorName(output))
        files.push([`"${path}", which --output keeps its state in,`, path]);
    }
  }
  if (capture !== undefined && capture !== "-") files.push([`--capture "${capture}"`, capture]);
  if (ackFrom !== undefined) {
    files.push([`--ack-from "${ackFrom}"`, ackFrom === "-" ? 0 : ackFrom]);
  }
  requireDifferentFiles(files);
}
