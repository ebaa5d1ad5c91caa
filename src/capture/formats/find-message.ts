import { SEARCH_BYTES } from "./capture-reader.ts";
import { Tag } from "../../pgoutput/tags.ts";
import { carriesXid, type Separator } from "./end-to-end.ts";
import { mayStartMessage } from "./message-marks.ts";
import { tryMessages } from "./trial.ts";

/** Messages in a row that are no coincidence. */
const MESSAGES_CONVINCING = { "line feed": 2, none: 4 } as const;

/** What starts nothing asks for any number of bytes: it is given up when it asks for more than this. */
const CANDIDATE_BYTES_MAX = 1 << 16;
/** Unless all but the last of the messages that convince are there already. */
const LIKELY_BYTES_MAX = 1 << 24;

/** What a search for the next message found. */
export interface Found {
  /** Where a message starts, or may start once more bytes are there. */
  readonly start: number;
  readonly streaming: boolean;
  /** 0: it is one. */
  readonly missing: number;
}

/** The first byte from `from` on that starts several messages in a row; the end of the bytes if there is none. */
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

/** Inside a stream block, outside of one, or one as well as the other. */
function waysToTake(tag: number | undefined): readonly boolean[] {
  if (carriesXid(tag)) return EITHER;
  return tag === Tag.streamStop ? WITHIN : OUTSIDE;
}

/** 0: messages start here. Undefined: none do. Else the number of bytes that are missing to tell. */
function missingAt(
  bytes: Uint8Array,
  start: number,
  how: { readonly separator: Separator; readonly streaming: boolean; readonly final: boolean },
): number | undefined {
  const needed = MESSAGES_CONVINCING[how.separator];
  // What starts nothing may look for the end of a name in all that follows: it gets to see little of that.
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
    // Little is left: one message up to the very end is enough, or several whose last is cut.
    return trial.messages >= (trial.missing === 0 ? 1 : needed - 1) ? 0 : undefined;
  }
  const bytesMax = likely ? LIKELY_BYTES_MAX : CANDIDATE_BYTES_MAX;
  return bytes.length - start + trial.missing <= bytesMax ? Math.max(1, trial.missing) : undefined;
}
