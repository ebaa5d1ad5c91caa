import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresBinaries, findBinaries } from "../demo/binaries.ts";
import { type PostgresServer, startPostgres } from "../demo/server.ts";
import { PUBLICATION, SLOT, Shop } from "../demo/workload.ts";
import { ExitCode } from "../errors.ts";
import type { CommandContext } from "../program/context.ts";
import { type OutputFlags, outputOptions } from "../program/options.ts";
import { Reporter } from "../program/reporter.ts";
import { tail } from "./tail/tail.ts";

interface DemoFlags extends OutputFlags {
  readonly keep?: boolean;
}

/** Slow enough to follow; the demo still ends within five seconds. */
const TERMINAL_PACE_MS = 250;
const POLL_MS = 50;

/** Shows what walctl does, on a temporary PostgreSQL server. */
export async function demo(flags: DemoFlags, context: CommandContext): Promise<ExitCode> {
  const reporter = new Reporter(context, outputOptions(flags, context));
  try {
    reporter.progress("starting a temporary PostgreSQL server");
    const binaries = findBinaries(context.env["PATH"] ?? "");
    return await context.finishBeforeExit(showAll(binaries, flags, context, reporter));
  } catch (error) {
    // The first Ctrl-C ends the demo early; errors that it causes are no failures.
    if (context.stop.aborted) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}

/** The exit waits for it; otherwise the watchdog would have to remove the server and its folder. */
async function showAll(
  binaries: PostgresBinaries,
  flags: DemoFlags,
  context: CommandContext,
  reporter: Reporter,
): Promise<ExitCode> {
  const server = await startPostgres({ binaries, signal: context.stop });
  return await showOn(server, flags, context, reporter);
}

async function showOn(
  server: PostgresServer,
  flags: DemoFlags,
  context: CommandContext,
  reporter: Reporter,
): Promise<ExitCode> {
  let kept = false;
  try {
    const shop = await Shop.open(server);
    try {
      introduce(server, reporter);
      const status = await tailWhileShopping(server, shop, flags, context);
      kept = flags.keep === true && status === ExitCode.done && !context.stop.aborted;
      return status;
    } finally {
      await shop.close();
    }
  } finally {
    if (kept) await server.leave();
    else await server.dispose();
    if (kept) context.stderr.stream.write(keptText(server, context.env));
    else if (!context.stop.aborted) reporter.notice("done; the server and its folder are gone");
  }
}

function introduce(server: PostgresServer, reporter: Reporter): void {
  // The lines fit a terminal of 80 columns.
  reporter.notice(`a temporary PostgreSQL server runs in ${server.folder}`);
  reporter.notice("a small shop does a day's business on it, with a publication and a slot");
  reporter.notice("tail prints the changes that the server sends:");
}

/** Runs both at once, so that changes are seen to arrive. The first to fail ends both. */
async function tailWhileShopping(
  server: PostgresServer,
  shop: Shop,
  flags: DemoFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const over = new AbortController();
  const stop = AbortSignal.any([context.stop, over.signal]);
  const end = (): void => over.abort();
  const [tailing, working] = await Promise.allSettled([
    tail(tailFlags(server, flags), { ...context, env: withoutLibpq(context.env), stop }).finally(
      end,
    ),
    work(shop, context.stdout.isTerminal ? TERMINAL_PACE_MS : 0, stop).finally(end),
  ]);
  if (working.status === "rejected") throw working.reason;
  if (tailing.status === "rejected") throw tailing.reason;
  return tailing.value;
}

/** Runs the shop and waits until all its changes are printed, or a signal stops it. */
async function work(shop: Shop, paceMs: number, stop: AbortSignal): Promise<void> {
  try {
    const end = await shop.run(paceMs, stop);
    while (!(await shop.isAcknowledged(end))) await sleep(POLL_MS, undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

function tailFlags(server: PostgresServer, flags: DemoFlags): Parameters<typeof tail>[0] {
  return {
    ...flags,
    host: server.folder,
    port: String(server.port),
    username: "postgres",
    dbname: "postgres",
    slot: SLOT,
    publication: [PUBLICATION],
    messages: true,
    // With --ack the slot's position shows when all changes are printed.
    ack: true,
    loop: false,
    statusInterval: "1",
    values: "json",
  };
}

/**
 * The environment without the caller's libpq variables, which are meant for other servers. PGOPTIONS is set because pg
 * would read it from the process.
 */
function withoutLibpq(env: CommandContext["env"]): CommandContext["env"] {
  const rest = Object.entries(env).filter(([name]) => !name.startsWith("PG"));
  return { ...Object.fromEntries(rest), PGOPTIONS: " " };
}

function keptText(server: PostgresServer, env: CommandContext["env"]): string {
  const flags = `-h ${server.folder} -p ${server.port} -U postgres -d postgres`;
  return `
The server is still running. Try:
  psql ${flags}
  ${program(env)} tail ${flags} -S ${SLOT} -P ${PUBLICATION} --messages --ack
To stop and remove it:
  kill -QUIT ${server.pid} && sleep 1 && rm -rf ${server.folder}
`;
}

/** How to run this program again: npm and npx do not put it on the PATH. */
function program(env: CommandContext["env"]): string {
  if (env["npm_lifecycle_event"] === "demo") return "node bin/walctl.js";
  return env["npm_command"] === "exec" ? "npx walctl" : "walctl";
}
