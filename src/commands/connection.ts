import type { Client } from "pg";
import { Interrupted } from "../errors.ts";
import { withoutSpinner } from "../output/progress.ts";
import { renderWarning } from "../render/reports/diagnostics.ts";
import { connect } from "../server/connection/connect.ts";
import type { ConnectionKind } from "../server/query/session-settings.ts";
import { PasswordPrompt } from "../server/target/password-prompt.ts";
import type { ConnectionTarget } from "../server/target/target.ts";
import { type ConnectionFlags, resolveTarget } from "../server/target/resolve.ts";
import type { CommandContext } from "../program/context.ts";
import type { Warning } from "../program/reporter.ts";

/**
 * For what each login may bring again. Numbers do not make a warning another one: a password expires in 6 days, then
 * in 5.
 */
export function onceEach(warn: (warning: Warning) => void): (warning: Warning) => void {
  const told = new Set<string>();
  return (warning) => {
    const about = warning.message.replaceAll(/\d+/g, "");
    if (told.has(about)) return;
    told.add(about);
    warn(warning);
  };
}

/** Call it before anything is on the screen: it may print a warning. */
export function connectionTarget(
  flags: ConnectionFlags,
  { env, stderr, stop }: Pick<CommandContext, "env" | "stderr" | "stop">,
): ConnectionTarget {
  const warn = ({ message, detail, hint }: Warning): void => {
    stderr.stream.write(renderWarning(message, detail, hint));
  };
  const target: ConnectionTarget = {
    ...resolveTarget(flags, env, warn),
    onLoginWarning: onceEach((warning) => {
      void withoutSpinner(async () => await Promise.resolve(warn(warning)));
    }),
  };
  // In a script nobody answers.
  if (!(flags.password ?? stderr.isTerminal)) return target;
  const ask = async (question: string): Promise<string> => {
    const { askPassword } = await import("../output/password-prompt.ts");
    return await withoutSpinner(() => askPassword(question, stop));
  };
  return { ...target, prompt: new PasswordPrompt(flags.password === true, ask) };
}

/**
 * Connects, runs `body`, and always closes the connection. A signal closes it early: the server then rolls back what is
 * not committed.
 */
export async function withConnection<Result>(
  target: ConnectionTarget,
  kind: ConnectionKind,
  stop: AbortSignal,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(target, kind);
  const end = (): void => void client.end().catch(() => {});
  stop.addEventListener("abort", end);
  try {
    return await body(client);
  } catch (error) {
    throw stop.aborted ? new Interrupted(error) : error;
  } finally {
    stop.removeEventListener("abort", end);
    await client.end().catch(() => {});
  }
}
