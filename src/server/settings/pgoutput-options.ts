import { type ServerVersion, requireVersion } from "./preflight.ts";
import { quoteIdentifierList, quoteReplicationString } from "../query/sql.ts";

export type Streaming = "off" | "on" | "parallel";

/** The options of pgoutput (manual: Logical Streaming Replication Parameters). */
export interface PgoutputOptions {
  readonly publications: readonly string[];
  /** Large transactions are sent while they are still open. */
  readonly streaming: Streaming;
  /** Prepared transactions are sent at PREPARE. The slot stays two-phase from then on. */
  readonly twoPhase: boolean;
  /** `none`: only changes that were made on this server. */
  readonly origin: "any" | "none";
  /** Include messages of pg_logical_emit_message. */
  readonly messages: boolean;
  /** Values are sent in binary format. */
  readonly binary: boolean;
}

/**
 * The options in the parentheses of START_REPLICATION, with the lowest protocol version that supports them.
 * @throws WalctlError, a usage error, for an option that the server does not support yet
 */
export function formatPgoutputOptions(options: PgoutputOptions, version: ServerVersion): string {
  const parameters: Array<readonly [name: string, value: string]> = [
    ["proto_version", String(protocolVersion(options))],
    ["publication_names", quoteIdentifierList(options.publications)],
  ];
  if (options.streaming !== "off") parameters.push(["streaming", options.streaming]);
  if (options.twoPhase) parameters.push(["two_phase", "on"]);
  if (options.origin !== "any") parameters.push(["origin", options.origin]);
  if (options.messages) parameters.push(["messages", "true"]);
  if (options.binary) parameters.push(["binary", "true"]);
  requireSupport(options, version);
  return parameters.map(([name, value]) => `"${name}" ${quoteReplicationString(value)}`).join(", ");
}

function protocolVersion({ streaming, twoPhase }: PgoutputOptions): number {
  if (streaming === "parallel") return 4;
  if (twoPhase) return 3;
  return streaming === "on" ? 2 : 1;
}

function requireSupport(options: PgoutputOptions, version: ServerVersion): void {
  if (options.streaming === "parallel") requireVersion("--streaming parallel", 16, version);
  if (options.twoPhase) requireVersion("--two-phase", 15, version);
  if (options.origin !== "any") requireVersion(`--origin ${options.origin}`, 16, version);
}
