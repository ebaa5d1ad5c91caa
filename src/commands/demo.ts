import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { findBinaries } from "../demo/binaries.ts";
import { type PostgresServer, startPostgres } from "../demo/server.ts";
import { PUBLICATION, SLOT, isAcknowledged, runShop, setUpShop } from "../demo/workload.ts";
import { ExitCode } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import { type OutputFlags, outputOptions } from "./options.ts";
import { Reporter } from "./reporter.ts";
import { tail } from "./tail.ts";

interface DemoFlags extends OutputFlags {
  readonly keep?: boolean;
}

/** Slow enough for a person to follow, and over in less than five seconds. */
const TERMINAL_PACE_MS = 300;
const POLL_MS = 50;

/** Shows what walctl does on a PostgreSQL of its own, which is gone afterwards. */
export async function demo(flags: DemoFlags, context: CommandContext): Promise<ExitCode> {
  const reporter = new Reporter(context, outputOptions(flags, context));
  try {
    reporter.progress("starting a PostgreSQL of its own");
    const binaries = findBinaries(context.env["PATH"] ?? "");
    const server = await startPostgres({ binaries, signal: context.stop });
    return await showOn(server, flags, context, reporter);
  } catch (error) {
    // The first Ctrl-C ends it early; what it interrupted is no failure.
    if (context.stop.aborted) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}

async function showOn(
  server: PostgresServer,
  flags: DemoFlags,
  context: CommandContext,
  reporter: Reporter,
): Promise<ExitCode> {
  let kept = false;
  try {
    const client = await server.connect();
    try {
      await setUpShop(client);
      introduce(server, reporter);
      const status = await tailWhileShopping(server, client, flags, context);
      kept = flags.keep === true && status === ExitCode.done && !context.stop.aborted;
      return status;
    } finally {
      await client.end();
    }
  } finally {
    if (kept) await server.leave();
    else await server.dispose();
    if (kept) context.stderr.stream.write(keptText(server));
    else if (!context.stop.aborted) reporter.notice("done; the server and its folder are gone");
  }
}

function introduce(server: PostgresServer, reporter: Reporter): void {
  reporter.notice(
    `a PostgreSQL of its own runs in ${server.folder}, with publication and slot set up`,
  );
  reporter.notice("a small shop does a day's business there, one transaction after the other;");
  reporter.notice("what follows is what logical decoding tells of it, as walctl tail prints it");
}

/** The two go on side by side, so that a person sees changes arrive; the first to fail ends both. */
async function tailWhileShopping(
  server: PostgresServer,
  client: pg.Client,
  flags: DemoFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const over = new AbortController();
  const stop = AbortSignal.any([context.stop, over.signal]);
  const end = (): void => over.abort();
  const [tailing, shopping] = await Promise.allSettled([
    tail(tailFlags(server, flags), { ...context, env: withoutLibpq(context.env), stop }).finally(
      end,
    ),
    shop(client, context.stdout.isTerminal ? TERMINAL_PACE_MS : 0, stop).finally(end),
  ]);
  if (shopping.status === "rejected") throw shopping.reason;
  if (tailing.status === "rejected") throw tailing.reason;
  return tailing.value;
}

/** Runs the shop and waits until all of it has been printed, or until nobody wants more. */
async function shop(client: pg.Client, paceMs: number, stop: AbortSignal): Promise<void> {
  try {
    const end = await runShop(client, paceMs, stop);
    while (!(await isAcknowledged(client, end))) await sleep(POLL_MS, undefined, { signal: stop });
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
    // What has been acknowledged has been printed: that is how the end is known.
    ack: true,
    loop: false,
    statusInterval: "1",
    values: "json",
  };
}

/** The caller's environment is about the caller's servers. */
function withoutLibpq(env: CommandContext["env"]): CommandContext["env"] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("PG")));
}

function keptText(server: PostgresServer): string {
  const flags = `-h ${server.folder} -p ${server.port} -U postgres -d postgres`;
  return `
The server is left running. To go on:
  psql ${flags}
  walctl tail ${flags} -S ${SLOT} -P ${PUBLICATION} --messages --ack
To stop and remove it:
  kill -QUIT ${server.pid} && sleep 1 && rm -rf ${server.folder}
`;
}
