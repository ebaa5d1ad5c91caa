/** Heap and Heap2. */
import type { WalVersion } from "../../../postgres/pages/versions.ts";
import {
  DeleteFlag,
  Heap2Operation,
  HeapOperation,
  InfoBit,
  InsertFlag,
  LockFlag,
  MultiInsert,
  UpdateFlag,
  VisibleFlag,
  heapOperation,
  readDelete,
  readInsert,
  readNewCid,
  readOffset,
  readTruncate,
  readUpdate,
  readVisible,
} from "../../../postgres/records/heap.ts";
import { readPrune } from "../../../postgres/records/prune.ts";
import type { WalRecord } from "../../../postgres/records/record.ts";
import { describeFields } from "./fields.ts";
import { flagNames } from "./flags.ts";
import type { DetailSink } from "./sink.ts";

const insertFlags = flagNames(InsertFlag);
const updateFlags = flagNames(UpdateFlag);
const deleteFlags = flagNames(DeleteFlag);
const lockFlags = flagNames(LockFlag);
const infoBits = flagNames(InfoBit);
const visibleFlags = flagNames(VisibleFlag);
const multiInsert = new MultiInsert();
const PRUNE_COUNTS = ["horizon", "redirected", "dead", "unused", "frozen"] as const;

export function describeHeap(record: WalRecord, sink: DetailSink): void {
  switch (heapOperation(record)) {
    case HeapOperation.insert: {
      const { offset, flags } = readInsert(record);
      sink.number("offset", offset);
      return sink.names("flags", insertFlags(flags));
    }
    case HeapOperation.delete:
      return describeEnded(record, deleteFlags, sink);
    case HeapOperation.update:
    case HeapOperation.hotUpdate: {
      const { oldXmax, oldOffset, infobits, flags, newXmax, newOffset } = readUpdate(record);
      sink.number("old_offset", oldOffset);
      sink.number("new_offset", newOffset);
      sink.number("old_xmax", oldXmax);
      sink.number("new_xmax", newXmax);
      sink.names("flags", updateFlags(flags));
      return sink.names("infobits", infoBits(infobits));
    }
    case HeapOperation.truncate:
      return describeFields(readTruncate(record.mainData()), sink);
    case HeapOperation.lock:
      return describeEnded(record, lockFlags, sink);
    default:
      return sink.number("offset", readOffset(record));
  }
}

/** DELETE, LOCK and LOCK_UPDATED set a tuple's xmax. */
function describeEnded(
  record: WalRecord,
  names: (flags: number) => readonly string[],
  sink: DetailSink,
): void {
  const { xmax, offset, infobits, flags } = readDelete(record);
  sink.number("offset", offset);
  sink.number("xmax", xmax);
  sink.names("flags", names(flags));
  sink.names("infobits", infoBits(infobits));
}

export function describeHeap2(record: WalRecord, version: WalVersion, sink: DetailSink): void {
  switch (heapOperation(record)) {
    case Heap2Operation.rewrite:
      // A mapping of catalogue rows that only logical decoding uses.
      return;
    case Heap2Operation.visible: {
      const { horizon, flags } = readVisible(record);
      sink.number("horizon", horizon);
      return sink.names("flags", visibleFlags(flags));
    }
    case Heap2Operation.multiInsert: {
      const { count, flags, offsets } = multiInsert.read(record);
      sink.number("tuples", count);
      if (offsets !== undefined) sink.numbers("offsets", offsets);
      return sink.names("flags", insertFlags(flags));
    }
    case Heap2Operation.lockUpdated:
      return describeEnded(record, lockFlags, sink);
    case Heap2Operation.newCid:
      return describeFields(readNewCid(record), sink);
    default: {
      const counts = readPrune(record, version);
      for (const key of PRUNE_COUNTS) if (counts[key] !== undefined) sink.number(key, counts[key]);
    }
  }
}
