/** A message, its bytes written out by hand, and what they mean; with values that the cases share. */
import type { WireMessage } from "../../../support/wire/pgoutput-encoder.ts";

export interface Case {
  readonly message: WireMessage;
  /** In hexadecimal, in wire order, a group for each field. */
  readonly bytes: string;
  /** Of what the decoder returns, the properties that its bytes decide. */
  readonly means: Readonly<Record<string, unknown>>;
  /** What was decoded before it. */
  readonly after?: readonly WireMessage[];
  /** Fewer bytes that are a message, too: a Stream Abort has two lengths. */
  readonly alsoEndsAt?: number;
}

// Bytes that would be negative if they were read as signed.
export const XID = 0x80000001;
export const OID = 0xfffffffe;
export const xid = "80000001";
export const oid = "fffffffe";
export const LSN = 0xf600000010n;
export const lsn = "000000f600000010";
export const END = 0xf600000040n;
export const end = "000000f600000040";
export const TIME = 3n;
export const time = "0000000000000003";
export const BEFORE_2000 = -1n;
export const beforeThat = "ffffffffffffffff";

export const text = (value: string): { kind: "text"; bytes: Uint8Array } => ({
  kind: "text",
  bytes: Buffer.from(value),
});
export const NULL = { kind: "null" } as const;
export const UNCHANGED = { kind: "unchanged" } as const;
export const BINARY = { kind: "binary", bytes: Uint8Array.of(0, 255) } as const;

export const relation: Extract<WireMessage, { kind: "relation" }> = {
  kind: "relation",
  xid: null,
  oid: OID,
  schema: "s",
  table: "té",
  replicaIdentity: "index",
  columns: [
    { name: "id", key: true, typeOid: 20, typeModifier: -1 },
    { name: "v", key: false, typeOid: 0x80000000, typeModifier: 14 },
  ],
};
export const begin: Extract<WireMessage, { kind: "begin" }> = {
  kind: "begin",
  finalLsn: LSN,
  commitTime: TIME,
  xid: XID,
};
export const block: WireMessage = { kind: "stream_start", xid: 7, firstSegment: true };
export const inTransaction = { transaction: { xid: XID, commitTime: TIME } };
export const inBlock = { transaction: { xid: XID, commitTime: null } };
export const outside = { transaction: null };
export const of = (table: string): object => ({ table, announced: true });
