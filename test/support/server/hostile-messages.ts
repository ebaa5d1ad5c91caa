/** Messages of a server, well formed and not, as somebody who means harm would send them. */

export type Random = () => number;

/** Text stands for bytes, one a character. */
function bytesOf(body: Uint8Array | string): Buffer {
  return typeof body === "string" ? Buffer.from(body, "latin1") : Buffer.from(body);
}

/** One of the type, with its length. */
export function message(type: string, body: Uint8Array | string = ""): Buffer {
  const bytes = bytesOf(body);
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

/** One whose length is a lie. */
export function claiming(type: string, length: number, body: Uint8Array | string = ""): Buffer {
  const bytes = message(type, body);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

export function authentication(code: number, rest: Uint8Array | string = ""): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(code);
  return message("R", Buffer.concat([head, bytesOf(rest)]));
}

function errorResponse(code: string, text: string): Buffer {
  return message("E", `SFATAL\0VFATAL\0C${code}\0M${text}\0\0`);
}

export const READY = message("Z", "I");
/** What a server says between letting us in and READY. */
export const STARTUP = Buffer.concat([
  message("S", "server_version\x0018.0\0"),
  message("S", "client_encoding\0UTF8\0"),
  message("K", "\0\0\0\x01\0\0\0\x02"),
]);

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

const TEXTS = [
  "",
  "x",
  "\u001b[31mred\u001b[0m",
  "a\u009bb",
  "line\nline",
  "é€😀",
  "x".repeat(3000),
];

/** UTF-8, a byte a character. */
const text = (random: Random): string => Buffer.from(pick(random, TEXTS)).toString("latin1");

/** By the names of the manual's Message Formats; each may stand where it must not. */
const KINDS: readonly ((random: Random) => Buffer)[] = [
  () => authentication(0),
  () => authentication(3),
  () => authentication(5, "salt"),
  () => authentication(5),
  (random) => authentication(pick(random, [1, 2, 4, 6, 7, 8, 9, 13, 99, -1]), text(random)),
  () => authentication(10, "SCRAM-SHA-256\0\0"),
  () => authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
  (random) => authentication(10, `${text(random)}\0OAUTHBEARER\0\0`),
  () => authentication(10, "SCRAM-SHA-256"),
  () => authentication(10),
  (random) =>
    authentication(
      11,
      pick(random, ["", "r=x,s=eA==,i=4096", "r=,s=,i=", "i=-1", ",,,", "e=other-error"]),
    ),
  (random) => authentication(12, pick(random, ["", "v=AAAA", "e=invalid-proof", "v="])),
  (random) =>
    errorResponse(pick(random, ["28000", "28P01", "57P03", "XX000", "", "08P01"]), text(random)),
  (random) => message("E", `SFATAL\0M${text(random)}\0`),
  () => message("E", "SFATAL\0M"),
  () => message("E"),
  () => message("E", "\0"),
  (random) => message("N", `SNOTICE\0C00000\0M${text(random)}\0\0`),
  () => message("N", "M"),
  (random) => message("S", `${text(random)}\0${text(random)}\0`),
  () => message("S", "x"),
  () => STARTUP,
  () => message("K", "\0\0\0\x01"),
  () => READY,
  () => message("Z", "X"),
  () => message("Z"),
  () => message("T", "\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\0\0\0\0\0\0"),
  () => message("T", "\x7f\xff"),
  () => message("D", "\0\x01\0\0\0\x01a"),
  () => message("D", "\0\x01\x7f\xff\xff\xff"),
  () => message("C", "SELECT 1\0"),
  () => message("C", "SET"),
  () => message("d", "k\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0"),
  () => message("c"),
  () => message("G", "\0\0\0"),
  () => message("H", "\0\0\0"),
  () => message("W", "\0\0\0"),
  () => message("s"),
  () => message("I"),
  () => message("A", "\0\0\0\x01chan\0pay\0"),
  () => message("v", "\0\0\0\0\0\0\0\0"),
  () => message("1"),
  () => message("t", "\0\0"),
  (random) =>
    claiming(
      pick(random, ["R", "E", "S", "T", "D", "Z", "d", "?", "\0"]),
      pick(random, [0, 1, 3, 4, 0x7fffffff, 0x80000000, 0xffffffff]),
      text(random),
    ),
  () => Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
  () => Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"),
  (random) => Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))),
];

/** One message, in one of four cases damaged. */
export function hostileMessage(random: Random): Buffer {
  const bytes = Buffer.from(pick(random, KINDS)(random));
  const fate = random();
  if (fate < 0.1 && bytes.length > 0) {
    const at = Math.floor(random() * bytes.length);
    bytes[at] = Math.floor(random() * 256);
  } else if (fate < 0.2) return bytes.subarray(0, Math.floor(random() * bytes.length));
  else if (fate < 0.25) return Buffer.concat([bytes, Buffer.from("junk")]);
  return bytes;
}
