/*
 * Makes a logged-in session for a ConnectionTarget: addresses, TCP, TLS, passwords, session attributes.
 * Law: no secret is sent before the server's identity is verified as requested, and no server can make the program hang
 * or use unlimited memory.
 * Way in: connect() for one session, connectBeside() for another one to the same server.
 */

import type pg from "pg";
import { type Reached, reachAny } from "./reach.ts";
import type { ConnectionKind } from "../query/session-settings.ts";
import { type ConnectionTarget, targetAt } from "../target/target.ts";
import { within } from "./within.ts";

const CLOSE_GRACE_MS = 500;

/**
 * Opens a connection that is ready for statements. The caller ends it.
 * @throws WalctlError if no server can be reached, or the one reached refuses
 */
export async function connect(target: ConnectionTarget, kind: ConnectionKind): Promise<pg.Client> {
  const { client, place } = await reachAsking(target, kind);
  target.reached.place = place;
  return client;
}

/** As psql: the server does not wait while somebody types, and a wrong answer is an error. */
async function reachAsking(target: ConnectionTarget, kind: ConnectionKind): Promise<Reached> {
  const { prompt } = target;
  if (prompt?.first === true) await prompt.ask(target.user);
  try {
    return await reachAny(target, kind);
  } catch (error) {
    if (prompt?.wanted !== true || prompt.given !== undefined) throw error;
    await prompt.ask(target.user);
    return await reachAny(target, kind);
  }
}

/** Opens another connection to the server that the last connect() reached, even if there are several. */
export async function connectBeside(
  target: ConnectionTarget,
  kind: ConnectionKind,
): Promise<pg.Client> {
  const { place } = target.reached;
  return await connect(place === undefined ? target : targetAt(target, place), kind);
}

/** pg waits until the server closes too; this does not wait for a server that no longer answers. */
export async function disconnect(client: pg.Client): Promise<void> {
  await within(
    client.end().catch(() => {}),
    CLOSE_GRACE_MS,
  );
  client.connection.stream.destroy();
}
