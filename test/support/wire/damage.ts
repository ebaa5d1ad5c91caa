/** Damage as it happens to bytes, from a source of numbers from 0 to below 1. */

/** Control characters, what delimits values, and bytes that are no UTF-8. */
const TELLING = Buffer.from(
  '\0\t\n\r\u001b"\\{}[](),:;=>/+-. 0159eENnTtfu\x7f\x80\x85\x9f\xc2\xc3\xe2\xed\xff',
  "latin1",
);

export function pick<Item>(random: () => number, items: ArrayLike<Item>): Item {
  return items[Math.floor(random() * items.length)]!;
}

/** The bytes with one to three faults: a bit turned, a byte of another kind, a piece lost, repeated or put in. */
export function damage(bytes: Uint8Array, random: () => number): Buffer {
  let damaged: Buffer = Buffer.from(bytes);
  const faults = 1 + Math.floor(random() * 3);
  for (let fault = 0; fault < faults; fault++) damaged = damagedOnce(damaged, random);
  return damaged;
}

function damagedOnce(bytes: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * (bytes.length + 1));
  const length = Math.floor(random() ** 3 * 12);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (Math.floor(random() * 7)) {
    case 0: {
      const turned = Buffer.from(bytes);
      if (at < turned.length) turned[at]! ^= 1 << Math.floor(random() * 8);
      return turned;
    }
    case 1:
      return Buffer.concat([head, Buffer.of(pick(random, TELLING)), tail.subarray(1)]);
    case 2:
      return Buffer.concat([head, Buffer.of(pick(random, TELLING)), tail]);
    case 3:
      return Buffer.concat([head, tail.subarray(length)]);
    case 4:
      return Buffer.concat([head, tail.subarray(0, length), tail]);
    case 5:
      return Buffer.from(head);
    default:
      return Buffer.concat([
        head,
        Buffer.of(...Array.from({ length }, () => random() * 256)),
        tail,
      ]);
  }
}
