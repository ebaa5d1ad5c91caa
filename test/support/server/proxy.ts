/** A network that misbehaves on demand: between a program and a real server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestServer } from "./server.ts";

/** Whose words a link carries. */
type Side = "client" | "server";

/** Every connection behaves as the proxy is set at the moment, those that are open too. */
interface Manners {
  delayMs: number;
  /** Each read is passed on byte by byte, each a write of its own, up to so many at a time. */
  bytewiseMax: number;
  /** Fulfilled when bytes may flow. */
  gate: Promise<void>;
  /** What the server sends from the last of these occurrences of the text on does not pass. */
  held: { readonly text: string; left: number } | undefined;
  /** A text of the server's, and what passes in its place. */
  replaced: readonly [text: string, by: string] | undefined;
}

/** A socket that the system does not give back must not hold up a test. */
const CLOSE_GRACE_MS = 1000;

export interface ProxyOptions {
  /** Listen on a Unix socket in place of 127.0.0.1. */
  readonly unix?: boolean;
}

/** Passes connections on to the server's socket, and does to them what it is told. Whoever starts it closes it. */
export class FaultProxy {
  readonly host: string;
  readonly port: number;
  /** New connections are closed at once. */
  refusing = false;
  #upstream: string;
  readonly #listener: Server;
  readonly #folder: string | undefined;
  readonly #links = new Set<Link>();
  readonly #manners: Manners = {
    delayMs: 0,
    bytewiseMax: 0,
    gate: Promise.resolve(),
    held: undefined,
    replaced: undefined,
  };
  #openGate: (() => void) | undefined;
  #cutAfter: number | undefined;

  static async start(server: TestServer, options: ProxyOptions = {}): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    const folder = options.unix === true ? mkdtempSync(join(tmpdir(), "walctl-proxy-")) : undefined;
    if (folder === undefined) listener.listen(0, "127.0.0.1");
    else listener.listen(join(folder, ".s.PGSQL.5432"));
    await once(listener, "listening");
    return new FaultProxy(socketOf(server), listener, folder);
  }

  private constructor(upstream: string, listener: Server, folder: string | undefined) {
    const address = listener.address();
    this.host = folder ?? "127.0.0.1";
    this.port = typeof address === "object" && address !== null ? address.port : 5432;
    this.#upstream = upstream;
    this.#listener = listener;
    this.#folder = folder;
    listener.on("connection", (client: Socket) => this.#accept(client));
  }

  /** libpq's environment for a program that is to go through here. */
  get env(): Readonly<Record<string, string>> {
    return { PGHOST: this.host, PGPORT: String(this.port), PGSSLMODE: "disable" };
  }

  /** New connections go to that one: the address moves, as after a failover. */
  redirect(server: TestServer): void {
    this.#upstream = socketOf(server);
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Drops every connection, on both sides. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** The next connection is dropped when the server has sent it so many bytes. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes;
  }

  /** Nothing that the server sends passes from the nth occurrence of that text on, until the connection ends. */
  holdAt(text: string, nth = 1): void {
    this.#manners.held = { text, left: nth };
  }

  /** The server's text comes as another one of the same length. */
  replace(text: string, by: string): void {
    assert.equal(text.length, by.length);
    this.#manners.replaced = [text, by];
  }

  /** That side of every connection says that it will send no more, and its words are no longer passed on. */
  halfClose(side: Side): void {
    for (const link of this.#links) link.halfClose(side);
  }

  delay(ms: number): void {
    this.#manners.delayMs = ms;
  }

  /** 0: as it comes. */
  bytewise(bytesMax: number): void {
    this.#manners.bytewiseMax = bytesMax;
  }

  /** Nothing passes in either direction, and nobody is told. */
  stall(): void {
    if (this.#openGate !== undefined) return;
    this.#manners.gate = new Promise((resolve) => {
      this.#openGate = resolve;
    });
  }

  /** The end of a stall. */
  flow(): void {
    this.#openGate?.();
    this.#openGate = undefined;
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.cut();
    this.flow();
    await Promise.race([closed, sleep(CLOSE_GRACE_MS)]);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }

  #accept(client: Socket): void {
    if (this.refusing) return void client.destroy();
    const server = connect({ path: this.#upstream, allowHalfOpen: true });
    const link = new Link(client, server, this.#manners, this.#cutAfter);
    this.#cutAfter = undefined;
    this.#links.add(link);
    void link.ended.then(() => this.#links.delete(link));
  }
}

function socketOf(server: TestServer): string {
  return `${server.host}/.s.PGSQL.${server.port}`;
}

class Link {
  readonly ended: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #manners: Manners;
  readonly #fromClient: Promise<void>;
  /** Bytes that the server may yet send. */
  #left: number;

  constructor(client: Socket, server: Socket, manners: Manners, cutAfter: number = Infinity) {
    this.#client = client;
    this.#server = server;
    this.#manners = manners;
    this.#left = cutAfter;
    for (const socket of [client, server]) socket.on("error", () => this.cut());
    this.#fromClient = this.#pump(client, server);
    this.ended = Promise.all([this.#fromClient, this.#pump(server, client)]).then(() => this.cut());
  }

  cut(): void {
    // A reset where there is such a thing (TCP), so that what is under way is lost too. One that has ended
    // already would keep its handle (seen with Node 20), and the process alive.
    if (this.#client.remoteFamily !== undefined && this.#client.readyState === "open") {
      this.#client.resetAndDestroy();
    } else this.#client.destroy();
    this.#server.destroy();
  }

  halfClose(side: Side): void {
    (side === "client" ? this.#server : this.#client).end();
  }

  async #pump(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (this.#manners.delayMs > 0) await sleep(this.#manners.delayMs);
        await this.#manners.gate;
        if (from !== this.#server) {
          await this.#send(to, chunk);
          continue;
        }
        this.#replaceIn(chunk);
        const held = this.#heldIn(chunk);
        await this.#send(to, chunk.subarray(0, Math.min(this.#left, held ?? Infinity)));
        if (held !== undefined) return await this.#fromClient;
        this.#left -= chunk.length;
        if (this.#left <= 0) return this.cut();
      }
      if (to.writable) to.end();
    } catch {
      this.cut();
    }
  }

  #replaceIn(chunk: Buffer): void {
    const [text, by] = this.#manners.replaced ?? [];
    if (text === undefined || by === undefined) return;
    for (let at = -1; (at = chunk.indexOf(text, at + 1)) !== -1;) chunk.write(by, at, "latin1");
  }

  /** Where in the chunk that begins which must not pass. */
  #heldIn(chunk: Buffer): number | undefined {
    const { held } = this.#manners;
    if (held === undefined) return undefined;
    let at = -1;
    while ((at = chunk.indexOf(held.text, at + 1)) !== -1) {
      held.left -= 1;
      if (held.left === 0) return at;
    }
    return undefined;
  }

  async #send(to: Socket, chunk: Buffer): Promise<void> {
    const single = Math.min(chunk.length, this.#manners.bytewiseMax);
    for (let at = 0; at < single; at++) {
      await write(to, chunk.subarray(at, at + 1));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    if (single < chunk.length) await write(to, chunk.subarray(single));
  }
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (!to.writable) return;
  await new Promise<void>((resolve) => {
    // A socket that is destroyed meanwhile calls back too.
    to.write(bytes, () => resolve());
  });
}
