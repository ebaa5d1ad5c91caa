import type { Snapshot } from "../../catalog/model.ts";

/**
 * Whether a transaction had ended when the snapshot was taken. WAL has 32 bits of a top-level xid, the snapshot all 64:
 * the nearest xid is meant.
 */
export function isFinished(xid: number, { xip, xmax }: Snapshot): boolean {
  const distance = (xid - Number(BigInt.asUintN(32, xmax))) | 0;
  if (distance >= 0) return false;
  return !xip.some((running) => Number(BigInt.asUintN(32, running)) === xid);
}
