import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { majorOf } from "../../server/settings/preflight.ts";
import type { BootstrapRequest } from "../../server/start/bootstrap.ts";
import type { SessionOptions } from "../../server/start/options.ts";
import type { TypeWatch } from "../../server/types/watch.ts";
import type { CaptureFile } from "../../messages/pipeline/capture-file.ts";
import type { Pipeline } from "../../messages/pipeline/pipeline.ts";
import type { CommandContext } from "../../program/context.ts";
import type { Reporter } from "../../program/reporter.ts";
import type { AckSource } from "./ack-source.ts";
import type { TailConfig } from "./config.ts";
import type { TailOutput } from "./output.ts";
import { isService, streamingText } from "./service.ts";

/** The same as create-slot's default. */
const SLOT_LOCK_TIMEOUT_MS = 10_000;

export interface SessionParts {
  readonly output: TailOutput;
  readonly pipeline: Pipeline;
  readonly types: TypeRegistry;
  readonly typeWatch: TypeWatch;
  readonly capture: CaptureFile | undefined;
  readonly ackSource: AckSource | undefined;
  readonly onCreated: (publication: string) => void;
  /** Asks, once the first stream has begun, whether what the user named is there. */
  readonly check: () => Promise<void>;
}

/** What the session has to know of the options, and what it tells. */
export function sessionOptions(
  config: TailConfig,
  parts: SessionParts,
  context: CommandContext,
  reporter: Reporter,
): SessionOptions {
  const { capture, output, types, typeWatch } = parts;
  const { target, pgoutput, startpos, allowGap, endpos, until, limit } = config;
  const { statusIntervalMs, reconnect, waitForSlot } = config;
  return {
    target,
    pgoutput,
    startpos,
    allowGap,
    endpos,
    until,
    limit,
    statusIntervalMs,
    reconnect,
    waitForSlot,
    acknowledge: parts.ackSource ?? config.acknowledge,
    bootstrap: bootstrapRequest(config, context, reporter, parts.onCreated),
    consumer: parts.pipeline,
    received: () => output.journal?.received(),
    started: (start) => output.journal?.started(start),
    takeOver: (oldest) => output.takeOver(oldest),
    stop: context.stop,
    news: {
      warn: (warning) => reporter.warn(warning),
      notice: (text) => reporter.notice(text),
      streaming: (started, from, horizon, outageMs) => {
        const { slotName, serverVersion, twoPhase } = started;
        reporter.clearProgress();
        output.started(twoPhase);
        types.sentBy(majorOf(serverVersion));
        typeWatch.start(slotName, horizon);
        if (outageMs === undefined) void parts.check();
        capture?.metadata({ server_version: serverVersion, options: config.pgoutput });
        const { isTerminal } = context.stdout;
        if (isService(config)) reporter.beginLog();
        else if (!isTerminal) return;
        const keeps = isService(config) && config.slot !== undefined && !config.acknowledge;
        const how =
          isTerminal && isService(config) && outageMs === undefined ? "; Ctrl-C ends" : "";
        reporter.event(streamingText(started, from, outageMs, keeps) + how);
      },
    },
  };
}

function bootstrapRequest(
  { pgoutput, slot, createMissing, plan }: TailConfig,
  context: CommandContext,
  reporter: Reporter,
  onCreated: (publication: string) => void,
): BootstrapRequest {
  const { publications, twoPhase, messages } = pgoutput;
  // Each connection of the session gives the same warnings again.
  const warned = new Set<string>();
  return {
    publications,
    twoPhase,
    messages,
    slot,
    createMissing,
    plan,
    lockTimeoutMs: SLOT_LOCK_TIMEOUT_MS,
    stop: context.stop,
    onWaiting: (text) => reporter.progress(`waiting for ${text}`),
    onNotice: (text) => reporter.notice(text),
    onCreated,
    onWarning: (message) => {
      if (!warned.has(message)) reporter.warn({ message });
      warned.add(message);
    },
  };
}
