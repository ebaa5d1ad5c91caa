import { SEARCH_BYTES } from "./capture-reader.ts";
import { Tag } from "../../postgres/messages/tags.ts";
import { carriesXid, type Separator } from "./end-to-end.ts";
import { mayStartMessage } from "./message-marks.ts";
import { tryMessages } from "./trial.ts";

/** How many consecutive messages are no coincidence. */
const MESSAGES_CONVINCING = { "line feed": 2, none: 4 } as const;

/** Bytes that are no message may ask for any number of bytes: a candidate that asks for more than this is dropped. */
const CANDIDATE_BYTES_MAX = 1 << 16;
/** The limit if all but the last of the convincing messages have decoded already. */
const LIKELY_BYTES_MAX = 1 << 24;

/** The result of a search for the next message. */
export interface Found {
  /** Where a message starts, or may start once more bytes have arrived. */
  readonly start: number;
  readonly streaming: boolean;
  /** 0 if a message starts there; otherwise how many more bytes are needed to decide. */
  readonly missing: number;
}

/** Finds the first byte from `from` on that starts several messages in a row; the end of the bytes if there is none. */
export function* findMessage(
  bytes: Uint8Array,
  from: number,
  separator: Separator,
  final: boolean,
): Generator<void, Found, void> {
  for (let start = from; start < bytes.length; start++) {
    if ((start - from) % SEARCH_BYTES === 0) yield;
    for (const streaming of waysToTake(bytes[start])) {
      if (!mayStartMessage(bytes, start, separator, streaming)) continue;
      const missing = missingAt(bytes, start, { separator, streaming, final });
      if (missing !== undefined) return { start, streaming, missing };
    }
  }
  return { start: bytes.length, streaming: false, missing: final ? 0 : 1 };
}

const OUTSIDE = [false];
const WITHIN = [true];
const EITHER = [false, true];

/** Whether a message with this tag can be inside a stream block, outside of one, or both. */
function waysToTake(tag: number | undefined): readonly boolean[] {
  if (carriesXid(tag)) return EITHER;
  return tag === Tag.streamStop ? WITHIN : OUTSIDE;
}

/** 0 if messages start here, undefined if not; otherwise the number of bytes missing to decide. */
function missingAt(
  bytes: Uint8Array,
  start: number,
  how: { readonly separator: Separator; readonly streaming: boolean; readonly final: boolean },
): number | undefined {
  const needed = MESSAGES_CONVINCING[how.separator];
  // Bytes that are no message may search all that follows for the end of a name: a candidate sees only a window.
  const window = bytes.subarray(start, start + CANDIDATE_BYTES_MAX);
  const partial = start + window.length < bytes.length;
  let trial = tryMessages(window, 0, { ...how, final: how.final && !partial }, needed);
  if (trial.broken) return undefined;
  if (trial.messages >= needed) return 0;
  const likely = trial.messages >= needed - 1;
  if (partial) {
    if (!likely) return undefined;
    trial = tryMessages(bytes, start, how, needed);
    if (trial.broken || trial.messages >= needed) return trial.broken ? undefined : 0;
  }
  if (how.final) {
    // Few bytes are left: one message that ends with them is enough, or several, the last of them cut short.
    return trial.messages >= (trial.missing === 0 ? 1 : needed - 1) ? 0 : undefined;
  }
  const bytesMax = likely ? LIKELY_BYTES_MAX : CANDIDATE_BYTES_MAX;
  return bytes.length - start + trial.missing <= bytesMax ? Math.max(1, trial.missing) : undefined;
}
