import { assertNever } from "../../assert.ts";
import { readDelete, readInsert, readMessage, readTruncate, readUpdate } from "./changes.ts";
import type { PgoutputMessage, Transaction, WalPosition } from "./messages.ts";
import {
  readBeginPrepare,
  readCommitPrepared,
  readPrepare,
  readRollbackPrepared,
} from "./prepared.ts";
import { ByteReader } from "../bytes/reader.ts";
import { readRelation, readType } from "./relations.ts";
import { readStreamAbort, readStreamCommit, readStreamStart, readStreamStop } from "./streams.ts";
import { NO_POSITION, Surroundings } from "./surroundings.ts";
import { Tag } from "./tags.ts";
import { readBegin, readCommit, readOrigin } from "./transactions.ts";
import { quoteByte } from "./tuple.ts";

/** The manual's name of each message, for errors. */
const SUBJECTS = new Map<number, string>([
  [Tag.begin, "Begin"],
  [Tag.commit, "Commit"],
  [Tag.origin, "Origin"],
  [Tag.relation, "Relation"],
  [Tag.type, "Type"],
  [Tag.insert, "Insert"],
  [Tag.update, "Update"],
  [Tag.delete, "Delete"],
  [Tag.truncate, "Truncate"],
  [Tag.message, "Message"],
  [Tag.streamStart, "Stream Start"],
  [Tag.streamStop, "Stream Stop"],
  [Tag.streamCommit, "Stream Commit"],
  [Tag.streamAbort, "Stream Abort"],
  [Tag.beginPrepare, "Begin Prepare"],
  [Tag.prepare, "Prepare"],
  [Tag.streamPrepare, "Stream Prepare"],
  [Tag.commitPrepared, "Commit Prepared"],
  [Tag.rollbackPrepared, "Rollback Prepared"],
]);

export function isKnownTag(tag: number): boolean {
  return SUBJECTS.has(tag);
}

/**
 * Decodes bytes of pgoutput to messages (manual: Logical Replication Message Formats). It keeps what later messages
 * refer to: the relations announced, the open transaction, and whether a stream block is open. Bytes that throw a
 * DecodeError change none of that.
 */
export class PgoutputDecoder {
  readonly #at = new Surroundings();

  /** Whether a stream block is open: inside one, messages carry an xid of their own. */
  get streaming(): boolean {
    return this.#at.streaming;
  }

  /** Of the rows that follow, outside of a stream block. */
  get transaction(): Transaction | null {
    return this.#at.transaction;
  }

  /** Continues in the middle of a capture, or after a gap: which transaction is open is not known. */
  resume(streaming: boolean): void {
    this.#at.streaming = streaming;
    this.#at.transaction = null;
  }

  /**
   * Forgets the relations that bytes[from, to) may announce again. These bytes were skipped because they are damaged,
   * so an earlier announcement may be out of date.
   */
  forget(bytes: Uint8Array, from: number, to: number): void {
    this.#at.forget(bytes, from, to);
  }

  /** Decodes `bytes` as one whole message. The message refers to the bytes and does not copy them. */
  decode(bytes: Uint8Array, position: WalPosition = NO_POSITION): PgoutputMessage {
    return this.decodeFrame(new ByteReader(bytes), position);
  }

  /** Decodes the rest of `reader` as one whole message. A message of an unknown kind is no error here. */
  decodeFrame(reader: ByteReader, position: WalPosition): PgoutputMessage {
    const { offset, end } = reader;
    this.#at.position = position;
    const message = this.#read(reader);
    if (message === null) {
      const tag = reader.view.getUint8(offset);
      reader.offset = end;
      return {
        kind: "unknown",
        position,
        transaction: this.#at.transaction,
        tag,
        bytes: reader.bytes.subarray(offset, end),
      };
    }
    if (reader.offset !== end) {
      throw reader.invalid(`${end - reader.offset} bytes too many`, reader.offset);
    }
    this.#apply(message);
    return message;
  }

  /**
   * Decodes the message at `reader.offset`, which others may follow, and leaves the reader behind it. A Stream Abort
   * does not say how long it is: it is read in the long form if the reader holds enough bytes. `check` may throw a
   * DecodeError because of the bytes that follow; the message then has changed nothing.
   */
  decodeNext(
    reader: ByteReader,
    position: WalPosition = NO_POSITION,
    check?: (reader: ByteReader) => void,
  ): PgoutputMessage {
    const { offset } = reader;
    this.#at.position = position;
    const message = this.#read(reader);
    if (message === null) {
      const tag = quoteByte(reader.view.getUint8(offset));
      throw reader.invalid(`no message starts with the byte ${tag}`, offset);
    }
    check?.(reader);
    this.#apply(message);
    return message;
  }

  /** Null if the tag is not known. */
  #read(reader: ByteReader): PgoutputMessage | null {
    reader.subject = "pgoutput";
    const tag = reader.uint8();
    reader.subject = SUBJECTS.get(tag) ?? "pgoutput";
    switch (tag) {
      case Tag.insert:
        return readInsert(reader, this.#at);
      case Tag.update:
        return readUpdate(reader, this.#at);
      case Tag.delete:
        return readDelete(reader, this.#at);
      case Tag.begin:
        return readBegin(reader, this.#at);
      case Tag.commit:
        return readCommit(reader, this.#at);
      case Tag.relation:
        return readRelation(reader, this.#at);
      case Tag.type:
        return readType(reader, this.#at);
      case Tag.origin:
        return readOrigin(reader, this.#at);
      case Tag.truncate:
        return readTruncate(reader, this.#at);
      case Tag.message:
        return readMessage(reader, this.#at);
      case Tag.streamStart:
        return readStreamStart(reader, this.#at);
      case Tag.streamStop:
        return readStreamStop(this.#at);
      case Tag.streamCommit:
        return readStreamCommit(reader, this.#at);
      case Tag.streamAbort:
        return readStreamAbort(reader, this.#at);
      case Tag.beginPrepare:
        return readBeginPrepare(reader, this.#at);
      case Tag.prepare:
        return readPrepare(reader, this.#at, "prepare");
      case Tag.streamPrepare:
        return readPrepare(reader, this.#at, "stream_prepare");
      case Tag.commitPrepared:
        return readCommitPrepared(reader, this.#at);
      case Tag.rollbackPrepared:
        return readRollbackPrepared(reader, this.#at);
      default:
        return null;
    }
  }

  /** Keeps what later messages refer to. */
  #apply(message: PgoutputMessage): void {
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
      case "truncate":
      case "message":
      case "origin":
      case "type":
      case "stream_commit":
      case "stream_abort":
      case "stream_prepare":
      case "commit_prepared":
      case "rollback_prepared":
      case "abort":
      case "table_changed":
      case "sequence":
      case "unknown":
        return;
      case "begin":
      case "begin_prepare":
        this.#at.transaction = message.transaction;
        // A capture may contain a stream block that a lost connection cut short.
        this.#at.streaming = false;
        return;
      case "commit":
      case "prepare":
        this.#at.transaction = null;
        return;
      case "relation":
        this.#at.announce(message.relation);
        return;
      case "stream_start":
        this.#at.transaction = message.transaction;
        this.#at.streaming = true;
        return;
      case "stream_stop":
        this.#at.transaction = null;
        this.#at.streaming = false;
        return;
      default:
        assertNever(message);
    }
  }
}
