import { PgoutputDecoder } from "../../pgoutput/decoder.ts";
import type { PgoutputMessage, WalPosition } from "../../pgoutput/messages.ts";
import type { ByteReader } from "../../pgoutput/reader.ts";
import { decodeErrorOf } from "./damage.ts";
import { carriesXid } from "./end-to-end.ts";
import { Tag } from "../../pgoutput/tags.ts";

/**
 * Decodes messages whose length is known. One that carries an xid tells, by what fits that length, whether a stream
 * block is open: a capture may begin inside one, or have lost its start or end to damage.
 */
export class WholeMessages {
  readonly #decoder = new PgoutputDecoder();
  readonly #keepGoing: boolean;
  #settled = false;

  constructor(keepGoing: boolean) {
    this.#keepGoing = keepGoing;
  }

  /** Decodes what is left of the reader. The message's views live as long as its bytes. */
  decode(reader: ByteReader, position: WalPosition): PgoutputMessage {
    const { offset } = reader;
    const decisive = carriesXid(reader.bytes[offset]);
    try {
      const message = this.#decoder.decodeFrame(reader, position);
      this.#settled ||= decisive;
      // It may be a known one whose tag is damaged.
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

  /** Whether a stream block is open may have changed unseen: a session may have ended here and another begun. */
  unsettle(): void {
    this.#settled = false;
  }

  forget(bytes: Uint8Array, from: number, to: number): void {
    this.#decoder.forget(bytes, from, to);
  }

  /**
   * Messages were passed over; the only one of them starts with `tag`, if that is known. Whatever may have begun or
   * ended among them, nothing is open from now on. That no stream block is gets tried first: inside one a Relation or Type
   * does not fit otherwise, while outside of one the first letters of its schema may pass for an oid.
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
