/*
 * From a ConnectionTarget to a session that is logged in: addresses, TCP, TLS, passwords, session attributes.
 * Law: no secret leaves before the server is who it should be, and no server can make the program hang or grow.
 * Way in: connect() for one session, connectBeside() for another one to the same server.
 */

import type pg from "pg";
import { type Reached, reachAny } from "./reach.ts";
import type { ConnectionKind } from "../query/session-settings.ts";
import { type ConnectionTarget, targetAt } from "../target/target.ts";
import { within } from "./within.ts";

const CLOSE_GRACE_MS = 500;

/**
 * A connection that is ready for statements. The caller ends it.
 * @throws WalctlError when no server can be reached, or the one that was reached refuses
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

/** Another connection to the server that the last connect() reached, and to no other of several. */
export async function connectBeside(
  target: ConnectionTarget,
  kind: ConnectionKind,
): Promise<pg.Client> {
  const { place } = target.reached;
  return await connect(place === undefined ? target : targetAt(target, place), kind);
}

/** pg waits for the server to close too; one that has gone without a word is not waited for. */
export async function disconnect(client: pg.Client): Promise<void> {
  await within(
    client.end().catch(() => {}),
    CLOSE_GRACE_MS,
  );
  client.connection.stream.destroy();
}
