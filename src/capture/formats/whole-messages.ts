import { PgoutputDecoder } from "../../postgres/messages/decoder.ts";
import type { PgoutputMessage, WalPosition } from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { decodeErrorOf } from "./damage.ts";
import { carriesXid } from "./end-to-end.ts";
import { Tag } from "../../postgres/messages/tags.ts";

/**
 * Decodes messages of known length. A message that carries an xid shows whether a stream block is open, since only one
 * layout fits its length. That is needed where a capture begins inside a block or has lost a block's start or end.
 */
export class WholeMessages {
  readonly #decoder = new PgoutputDecoder();
  readonly #keepGoing: boolean;
  #settled = false;

  constructor(keepGoing: boolean) {
    this.#keepGoing = keepGoing;
  }

  /** Decodes the rest of the reader. The message's views live as long as its bytes. */
  decode(reader: ByteReader, position: WalPosition): PgoutputMessage {
    const { offset } = reader;
    const decisive = carriesXid(reader.bytes[offset]);
    try {
      const message = this.#decoder.decodeFrame(reader, position);
      this.#settled ||= decisive;
      // It may be a known message with a damaged tag.
      if (this.#keepGoing && message.kind === "unknown")
        this.forget(reader.bytes, offset, reader.end);
      return message;
    } catch (error) {
      const fault = decodeErrorOf(error);
      const settled = this.#settled;
      this.#settled = false;
      if (settled || !decisive) throw fault;
      reader.offset = offset;
      const message = this.#decodeOtherwise(reader, position);
      if (message === undefined) throw fault;
      return message;
    }
  }

  /** Another session may have begun here: whether a stream block is open is no longer certain. */
  unsettle(): void {
    this.#settled = false;
  }

  forget(bytes: Uint8Array, from: number, to: number): void {
    this.#decoder.forget(bytes, from, to);
  }

  /**
   * Messages were skipped; if it was only one and its tag is known, it is `tag`. Unless it is a message that begins and
   * ends nothing, no block counts as open from here on. Outside of a block is tried first: inside one, a Relation or
   * Type fits only one way, while outside of one the first letters of its schema may look like an oid.
   */
  passedOver(tag: number | undefined): void {
    if (!carriesXid(tag) && tag !== Tag.origin) this.#decoder.resume(false);
    this.#settled = false;
  }

  #decodeOtherwise(reader: ByteReader, position: WalPosition): PgoutputMessage | undefined {
    const { streaming } = this.#decoder;
    this.#decoder.resume(!streaming);
    try {
      const message = this.#decoder.decodeFrame(reader, position);
      this.#settled = true;
      return message;
    } catch (error) {
      decodeErrorOf(error);
      this.#decoder.resume(streaming);
      return undefined;
    }
  }
}
