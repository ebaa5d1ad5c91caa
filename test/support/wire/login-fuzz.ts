/** The authentication phase against a server that means harm. */
import assert from "node:assert/strict";
import { WalctlError } from "../../../src/errors.ts";
import { connect, disconnect } from "../../../src/server/connection/connect.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import {
  type Random,
  READY,
  STARTUP,
  authentication,
  hostileMessage,
  pick,
} from "../server/hostile-messages.ts";
import { startHostileServer } from "../server/hostile-server.ts";
import { seededRandom } from "../tools/random.ts";

const PASSWORD = "hush-4711-geheim";
/** Of one round; a connect_timeout of 1 s ends those in which nobody says anything more. */
const ROUND_MS = 5000;
const MEMORY_MB = 300;

/** Options under which a password may never go out in clear. */
const STRICT = [
  "require_auth=scram-sha-256",
  "require_auth=!password,!md5",
  "require_auth=none",
  "channel_binding=require",
];

/** What the server does: logs us in or not, then anything. */
function scriptOf(random: Random): readonly Buffer[] {
  const opening = pick<readonly Buffer[]>(random, [
    [],
    [],
    [authentication(10, "SCRAM-SHA-256\0\0")],
    [authentication(0)],
    [authentication(0), STARTUP, READY],
    [authentication(3)],
  ]);
  const more = Array.from({ length: 1 + Math.floor(random() * 5) }, () => hostileMessage(random));
  return [...opening, ...more];
}

/** Each round: one connection, and one error or a connection; all within seconds, and no password where it may not be. */
export async function fuzzLogins(seed: number, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const where = `seed ${seed}, round ${round}`;
    await fuzzLogin(seededRandom(seed * 100_003 + round), where);
  }
  const { rss } = process.memoryUsage();
  assert.ok(rss < MEMORY_MB * 1024 * 1024, `seed ${seed}: ${rss} bytes`);
}

async function fuzzLogin(random: Random, where: string): Promise<void> {
  const answers = scriptOf(random);
  const waits = random() < 0.5;
  const closes = random() < 0.97;
  const server = await startHostileServer(async (socket, next) => {
    await next();
    for (const answer of answers) {
      socket.write(answer);
      if (waits) await Promise.race([next(), new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    if (closes) socket.end();
  });
  const strict = random() < 0.5 ? pick(random, STRICT) : "";
  const target = resolveTarget(
    {
      dbname: `host=127.0.0.1 port=${server.port} user=u password=${PASSWORD} sslmode=disable connect_timeout=1 ${strict}`,
    },
    {},
  );
  const kind = pick(random, ["ordinary", "logical"] as const);
  const start = performance.now();
  try {
    await disconnect(await connect(target, kind));
  } catch (error) {
    assert.ok(error instanceof WalctlError, `${where}: ${String(error)}`);
    const texts = [error.message, error.detail ?? "", error.hint ?? ""].join("\n");
    assert.doesNotMatch(texts, /undefined|\[object| of null/, where);
    assert.ok(!texts.includes(PASSWORD), where);
  } finally {
    const sent = server.received.includes(PASSWORD);
    await server.close();
    // Where nothing forbids it, it goes to a server that asks for it before anything else.
    if (strict !== "") assert.ok(!sent, `${where}: the password was sent under ${strict}`);
    assert.ok(performance.now() - start < ROUND_MS, `${where}: took too long`);
  }
}
