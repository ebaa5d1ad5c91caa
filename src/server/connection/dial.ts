import { type NetConnectOpts, Socket } from "node:net";
import { type Place, isSocket, socketPath } from "../target/places.ts";
import { shuffled } from "../target/shuffle.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { TIMER_MS_MAX } from "./within.ts";

/** SSLRequest (manual: Message Formats): length and code. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** The server did not answer within connect_timeout. */
export class ConnectTimeout extends Error {
  override readonly name = "ConnectTimeout";
  readonly code = "ETIMEDOUT";

  constructor() {
    super("no answer in time");
  }
}

/** The connect_timeout of one address, for all attempts with it. */
export class Deadline {
  readonly #end: number;

  /** 0: no limit. */
  constructor(timeoutMs: number) {
    this.#end = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  }

  get passed(): boolean {
    return performance.now() >= this.#end;
  }

  /** Destroys the socket when the time has passed. Returns a function that cancels this. */
  arm(socket: Socket): () => void {
    if (this.#end === Number.POSITIVE_INFINITY) return () => {};
    // A timer may fire slightly early, but `passed` has to be true by then.
    const leftMs = Math.max(1, Math.ceil(this.#end - performance.now()) + 1);
    if (leftMs > TIMER_MS_MAX) return () => {};
    const timer = setTimeout(() => socket.destroy(new ConnectTimeout()), leftMs);
    return () => clearTimeout(timer);
  }
}

/** All addresses of a name; each is tried. */
export async function addressesOf(
  place: Place,
  { randomOrder }: ConnectionTarget,
): Promise<readonly NetConnectOpts[]> {
  if (isSocket(place)) return [{ path: socketPath(place) }];
  const { hostaddr, host, port } = place;
  if (hostaddr !== undefined) return [{ host: hostaddr, port }];
  // Not loaded for a connection over a socket.
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(host, { all: true, verbatim: true });
  const addresses = found.map(({ address }) => ({ host: address, port }));
  return randomOrder ? shuffled(addresses) : addresses;
}

/** Connects the socket and leaves no listeners on it. */
export async function dial(
  socket: Socket,
  address: NetConnectOpts,
  keepaliveIdleMs: number | undefined,
): Promise<void> {
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  if (keepaliveIdleMs !== undefined) socket.setKeepAlive(true, keepaliveIdleMs);
}

/** The server's answer to SSLRequest; empty if it just closes the connection. */
export async function askForTls(socket: Socket): Promise<string> {
  return await new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      socket.off("data", onData).off("error", onError).off("close", onClose);
      settled();
    };
    const onData = (chunk: Buffer): void => settle(() => resolve(chunk.toString("latin1")));
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => settle(() => resolve(""));
    socket.on("data", onData).on("error", onError).on("close", onClose);
    socket.write(SSL_REQUEST);
  });
}

/** Used for a hint. It opens its own connection. */
export async function offersTls(address: NetConnectOpts, deadline: Deadline): Promise<boolean> {
  const socket = new Socket();
  const disarm = deadline.arm(socket);
  try {
    await dial(socket, address, undefined);
    return (await askForTls(socket)) === "S";
  } catch {
    return false;
  } finally {
    disarm();
    socket.on("error", () => {}).destroy();
  }
}
