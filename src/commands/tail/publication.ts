import { passes } from "../../server/query/causes.ts";
import { withConnection } from "../connection.ts";
import type { CommandContext } from "../../program/context.ts";
import type { Reporter } from "../../program/reporter.ts";
import type { TailConfig } from "./config.ts";

/**
 * Without -P, takes the database's only publication and says so. This is decided once, before the stream: reconnects
 * use the same publication. Undefined if a signal came first.
 */
export async function withPublication(
  config: TailConfig,
  context: CommandContext,
  reporter: Reporter,
): Promise<TailConfig | undefined> {
  const { target, pgoutput } = config;
  if (pgoutput.publications.length > 0) return config;
  reporter.progress("looking for the publication");
  const { chooseSolePublication } = await import("../../server/publication/choice.ts");
  const { requireOwnDatabase } = await import("../../server/slot/slot.ts");
  try {
    const publication = await withConnection(target, "ordinary", context.stop, (client) =>
      chooseSolePublication(client, target).catch(async (error: unknown) => {
        await requireOwnDatabase(client, target, config.slot);
        throw error;
      }),
    );
    reporter.notice(
      `taking publication "${publication}", the only one there is (-P names another)`,
    );
    return { ...config, pgoutput: { ...pgoutput, publications: [publication] } };
  } catch (error) {
    if (context.stop.aborted && passes(error)) return undefined;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}
