import type { BinaryReader } from "./binary-reader.ts";
import { type BuiltinType, alike, builtin } from "./type.ts";

/** PGSQL_AF_INET. PGSQL_AF_INET6 is one more, whatever the platform's AF_INET6 is. */
const FAMILY_V4 = 2;
const FAMILY_V6 = 3;
const V4_BYTES = 4;
const V6_BYTES = 16;
const V6_GROUPS = 8;

/**
 * Byte1 family  Byte1 netmask bits  Byte1 whether it is a cidr  Byte1 address bytes  Byten; the mask is printed unless
 * it is full
 */
function inet(reader: BinaryReader): string {
  return formatInet(readNetwork(reader));
}

/** Like inet, but always with its mask */
function cidr(reader: BinaryReader): string {
  return formatCidr(readNetwork(reader));
}

function formatInet({ address, bits, full }: Network): string {
  return full ? address : `${address}/${bits}`;
}

function formatCidr({ address, bits }: Network): string {
  return `${address}/${bits}`;
}

/** Byte6 or Byte8: `08:00:2b:01:02:03` */
function macaddr(reader: BinaryReader): string {
  return hexPairs(reader.hex(6));
}

function macaddr8(reader: BinaryReader): string {
  return hexPairs(reader.hex(8));
}

interface Network {
  readonly address: string;
  readonly bits: number;
  /** The mask covers all bits of the address: it is a host. */
  readonly full: boolean;
}

function readNetwork(reader: BinaryReader): Network {
  const family = reader.uint8();
  const bits = reader.uint8();
  reader.uint8();
  return network(reader, family, bits, reader.uint8());
}

/** The address follows, in `length` bytes. */
function network(reader: BinaryReader, family: number, bits: number, length: number): Network {
  const expected = family === FAMILY_V4 ? V4_BYTES : family === FAMILY_V6 ? V6_BYTES : -1;
  if (length !== expected || bits > length * 8) throw reader.unfit();
  const bytes = reader.take(length);
  const address = family === FAMILY_V4 ? bytes.join(".") : formatV6(bytes);
  return { address, bits, full: bits === length * 8 };
}

/** The first of the longest runs of zero groups becomes `::` if it has more than one group (inet_net_ntop.c). */
function formatV6(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: V6_GROUPS },
    (_, group) => (bytes[group * 2]! << 8) | bytes[group * 2 + 1]!,
  );
  const zeros = longestZeros(groups);
  if (isEmbeddedV4(groups, zeros)) {
    return `::${zeros.length === 5 ? "ffff:" : ""}${bytes.subarray(12).join(".")}`;
  }
  const words = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return words.join(":");
  const head = words.slice(0, zeros.start).join(":");
  return `${head}::${words.slice(zeros.start + zeros.length).join(":")}`;
}

interface Run {
  readonly start: number;
  readonly length: number;
}

function longestZeros(groups: readonly number[]): Run {
  let longest: Run = { start: 0, length: 0 };
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > longest.length) longest = { start, length: at + 1 - start };
  }
  return longest;
}

/** `::1.2.3.4` and `::ffff:1.2.3.4` */
function isEmbeddedV4(groups: readonly number[], zeros: Run): boolean {
  if (zeros.start !== 0) return false;
  return zeros.length === 6 || (zeros.length === 5 && groups[5] === 0xffff);
}

function hexPairs(hex: string): string {
  return hex.replace(/..(?=.)/g, "$&:");
}

/** Byte1 family  Byte1 netmask bits  Byte4 or Byte16 */
function storedInet(reader: BinaryReader): string {
  return formatInet(storedNetwork(reader));
}

function storedCidr(reader: BinaryReader): string {
  return formatCidr(storedNetwork(reader));
}

function storedNetwork(reader: BinaryReader): Network {
  const family = reader.uint8();
  const bits = reader.uint8();
  return network(reader, family, bits, reader.end - reader.offset);
}

export const NETWORKS: readonly BuiltinType[] = [
  builtin(869, "inet", 1041, "network", { sent: inet, stored: storedInet }),
  builtin(650, "cidr", 651, "network", { sent: cidr, stored: storedCidr }),
  builtin(829, "macaddr", 1040, "network", alike(macaddr)),
  builtin(774, "macaddr8", 775, "network", alike(macaddr8)),
];
