import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WalSocket } from "../../../src/server/connection/socket.ts";

const NUMBERS = 20_000;
const NUMBER_BYTES = 4;

async function connected(t: TestContext): Promise<{ client: WalSocket; peer: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new WalSocket();
  client.connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [peer] = (await once(server, "connection")) as [Socket];
  peer.setNoDelay(true);
  peer.on("error", () => {});
  t.after(() => {
    client.destroy();
    peer.destroy();
    server.close();
  });
  return { client, peer };
}

/** One by one, as a walsender does, some at each turn of the loop. */
async function sendNumbers(peer: Socket): Promise<void> {
  for (let number = 0; number < NUMBERS; number++) {
    const bytes = Buffer.alloc(NUMBER_BYTES);
    bytes.writeUInt32BE(number);
    peer.write(bytes);
    if (number % 20 === 0) await new Promise(setImmediate);
  }
}

/** Reads under load, and knows whether all has come in its order. */
class Reader {
  readonly client: WalSocket;
  received = 0;
  readonly #bytes: Buffer[] = [];

  constructor(client: WalSocket, onRead: () => void = () => {}) {
    this.client = client;
    client.receiver = (bytes) => {
      this.#bytes.push(Buffer.from(bytes));
      this.received += bytes.length;
      onRead();
      return 0.1;
    };
    client.resume();
  }

  assertWhole(): void {
    const bytes = Buffer.concat(this.#bytes);
    assert.equal(bytes.length, NUMBERS * NUMBER_BYTES);
    for (let number = 0; number < NUMBERS; number++) {
      assert.equal(bytes.readUInt32BE(number * NUMBER_BYTES), number);
    }
  }
}

test("under load most is read by turns, all of it in its order, and the end is told", async (t) => {
  const { client, peer } = await connected(t);
  const reader = new Reader(client);
  const ended = once(client, "end");
  await sendNumbers(peer);
  peer.end();
  await ended;
  reader.assertWhole();
  // What is read by turns is not counted by Node.js.
  assert.ok(client.bytesRead < reader.received / 2, `${client.bytesRead} were read by events`);
});

test("a socket that is paused in a turn is not read before it is resumed", async (t) => {
  const { client, peer } = await connected(t);
  let halted = false;
  const reader = new Reader(client, () => {
    if (!halted && reader.received > 1000) {
      halted = true;
      client.pause();
    }
  });
  await sendNumbers(peer);
  const before = reader.received;
  await sleep(50);
  assert.equal(reader.received, before);
  assert.ok(before < NUMBERS * NUMBER_BYTES);
  const ended = once(client, "end");
  client.resume();
  peer.end();
  await ended;
  reader.assertWhole();
});

test("a socket that is paused and resumed in between is read by no more turns than before", async (t) => {
  const { client, peer } = await connected(t);
  let inTurn = 0;
  const reader = new Reader(client, () => inTurn++);
  const ticks: number[] = [];
  const tick = (): void => {
    ticks.push(inTurn);
    inTurn = 0;
    client.pause();
    client.resume();
    if (!client.destroyed) setImmediate(tick);
  };
  setImmediate(tick);
  const ended = once(client, "end");
  await sendNumbers(peer);
  peer.end();
  await ended;
  reader.assertWhole();
  assert.ok(Math.max(...ticks) <= 8, `${Math.max(...ticks)} reads in a turn`);
});

test("a connection that is reset under load is lost, not silent", async (t) => {
  const { client, peer } = await connected(t);
  const reader = new Reader(client, () => {
    if (reader.received > 1000) peer.resetAndDestroy();
  });
  const lost = once(client, "error");
  await sendNumbers(peer);
  const [error] = (await lost) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
});

test("a socket that is destroyed by who receives is not read again", async (t) => {
  const { client, peer } = await connected(t);
  const reader = new Reader(client, () => {
    if (reader.received > 1000) client.destroy();
  });
  await sendNumbers(peer);
  const before = reader.received;
  assert.ok(before > 1000);
  await sleep(20);
  assert.equal(reader.received, before);
});
