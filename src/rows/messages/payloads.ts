/** Main data of records that are messages by themselves. */

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export interface TruncatePayload {
  readonly oids: readonly number[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

/** uint32 database, uint32 count, uint8 flags, 3 bytes of padding, uint32 relations[]. Undefined if too short. */
export function truncateOf(data: Uint8Array): TruncatePayload | undefined {
  if (data.length < 12) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const count = view.getUint32(4, true);
  if (12 + 4 * count > data.length) return undefined;
  const oids = Array.from({ length: count }, (_, index) => view.getUint32(12 + 4 * index, true));
  const flags = data[8]!;
  return { oids, cascade: (flags & 1) !== 0, restartIdentity: (flags & 2) !== 0 };
}

export interface LogicalMessagePayload {
  readonly database: number;
  readonly transactional: boolean;
  readonly prefix: string;
  readonly content: Uint8Array;
}

/**
 * uint32 database, bool, 3 bytes of padding, uint64 prefix bytes with a NUL, uint64 content bytes, prefix, content.
 * Undefined if too short.
 */
export function logicalMessageOf(data: Uint8Array): LogicalMessagePayload | undefined {
  if (data.length < 24) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const middle = 24 + Number(view.getBigUint64(8, true));
  const end = middle + Number(view.getBigUint64(16, true));
  if (middle < 25 || end > data.length) return undefined;
  return {
    database: view.getUint32(0, true),
    transactional: data[4] !== 0,
    prefix: utf8.decode(data.subarray(24, middle - 1)),
    content: data.subarray(middle, end),
  };
}
