import { isKnownTag, PgoutputDecoder } from "../../postgres/messages/decoder.ts";
import { ByteReader } from "../../postgres/bytes/reader.ts";
import { decodeErrorOf } from "./damage.ts";
import { decodeMessage, fitsStreaming, mayBeCut, type Separator } from "./end-to-end.ts";

/** The result of decoding bytes as messages, inside or outside of a stream block. */
export interface Trial {
  /** How many consecutive messages decoded. Stream Stop is a single byte, which proves nothing, and is not counted. */
  readonly messages: number;
  /** A byte is wrong. */
  readonly broken: boolean;
  /**
   * The least number of bytes that the next message still needs; 0 if the bytes end behind a message, or were enough.
   */
  readonly missing: number;
}

/** Decodes up to `messagesMax` messages from `start` with a decoder of its own. */
export function tryMessages(
  bytes: Uint8Array,
  start: number,
  how: { readonly separator: Separator; readonly streaming: boolean; readonly final: boolean },
  messagesMax: number,
): Trial {
  const decoder = new PgoutputDecoder();
  decoder.resume(how.streaming);
  const reader = new ByteReader(bytes);
  reader.offset = start;
  let messages = 0;
  let from = start;
  try {
    while (messages < messagesMax && reader.offset < bytes.length) {
      from = reader.offset;
      if (!fitsStreaming(bytes[from], decoder.streaming)) {
        return { messages, broken: true, missing: 0 };
      }
      const message = decodeMessage(decoder, reader, how.separator, how.final);
      if (message.kind !== "stream_stop") messages++;
    }
    return { messages, broken: false, missing: 0 };
  } catch (error) {
    const fault = decodeErrorOf(error);
    const broken = !mayBeCut(fault, bytes, from);
    return { messages, broken, missing: broken ? 0 : fault.missing };
  }
}

/** Whether the bytes from `start` on can be the beginning of one message and no more than that. */
export function isCut(bytes: Uint8Array, start: number): boolean {
  if (!isKnownTag(bytes[start] ?? 0)) return true;
  return [false, true].some((streaming) => {
    const how = { separator: "none", streaming, final: false } as const;
    const { messages, broken } = tryMessages(bytes, start, how, 1);
    return messages === 0 && !broken;
  });
}

const MESSAGES_CONVINCING = 4;

/**
 * Whether the message at `start` is inside a stream block, and so carries an xid: whichever reading decodes. A number
 * means that at least this many more bytes are needed to decide.
 */
export function guessStreaming(
  bytes: Uint8Array,
  start: number,
  separator: Separator,
  final: boolean,
): boolean | number {
  const tag = bytes[start];
  if (!fitsStreaming(tag, true)) return false;
  if (!fitsStreaming(tag, false)) return true;
  const attempt = (streaming: boolean): Trial =>
    tryMessages(bytes, start, { separator, streaming, final }, MESSAGES_CONVINCING);
  const without = attempt(false);
  if (without.messages >= MESSAGES_CONVINCING) return false;
  const within = attempt(true);
  if (within.messages >= MESSAGES_CONVINCING) return true;
  // Once one reading has failed, the other is accepted only if it has decoded more messages: the result must not depend
  // on how the bytes arrive.
  if (within.broken && without.messages >= within.messages) return false;
  if (without.broken && within.messages > without.messages) return true;
  if (!final && !(without.broken && within.broken)) {
    return Math.max(1, without.broken ? within.missing : without.missing);
  }
  if (without.messages === within.messages) return without.broken && !within.broken;
  return within.messages > without.messages;
}
