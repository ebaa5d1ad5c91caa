/** Whether decoding for a slot needs more memory than it may use. */
import { formatByteCount } from "../../byte-count.ts";
import { type Slot, type SlotFault, isSynchronized } from "../../reports.ts";
import type { SlotSettings } from "./read.ts";

/** To exceed the limit does no harm by itself: what is streamed while it is open is not written to disk. */
export function spillFault(
  slot: Slot,
  { spills, logicalDecodingWorkMem: limit }: SlotSettings,
): SlotFault | undefined {
  const found = isSynchronized(slot) ? undefined : spills.get(slot.slot);
  if (found === undefined) return undefined;
  const { exceeded, bytes } = found;
  const times = exceeded === 1 ? "once" : `${exceeded} times`;
  const advice = `a larger value (${limit} unless its reader sets it) decodes larger transactions in memory, and what its reader streams while it is open (tail --streaming on) is not written to disk`;
  return {
    severity: "warning",
    kind: "spills",
    message: `decoding has needed more than logical_decoding_work_mem ${times}, and has written ${formatByteCount(bytes)} of changes to disk; ${advice}`,
    each: `has needed more than logical_decoding_work_mem to be decoded, and had changes written to disk; ${advice}`,
    fix: null,
  };
}
