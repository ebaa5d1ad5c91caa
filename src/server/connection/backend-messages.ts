/** Checks that a server's messages follow the protocol (manual: Message Formats). */
import { WalctlError } from "../../errors.ts";

export const LENGTH_BYTES = 4;

/** The server sent bytes that do not follow the protocol, or not at this point. Nothing after them can be trusted. */
export class ProtocolViolation extends WalctlError {
  /** @param what a text, or the type of a message whose length is impossible */
  constructor(what: string | number, length = 0) {
    const text =
      typeof what === "string" ? what : `a message of type ${typeName(what)} and length ${length}`;
    super(`the server broke the protocol: it sent ${text}`, {
      hint: "Is there a PostgreSQL server at the host and port, or a proxy that is at fault?",
    });
  }
}

/** `"R"`, or its code if it is not a letter or digit. */
export function typeName(type: number): string {
  const letter = String.fromCharCode(type);
  return /[A-Za-z0-9]/.test(letter) ? `"${letter}"` : `0x${type.toString(16).padStart(2, "0")}`;
}

const MEGABYTE = 1024 * 1024;
/** A value can have up to 1 GB, the limit of PostgreSQL's memory chunks. */
const COPY_DATA_MAX = 1024 * MEGABYTE;
/** walctl only asks for short results, and other messages of a server are short. */
const LONG_MAX: ReadonlyMap<string, number> = new Map([
  ["d", COPY_DATA_MAX],
  ["D", 64 * MEGABYTE],
  ["T", MEGABYTE],
  ["E", MEGABYTE],
  ["N", MEGABYTE],
  ["A", MEGABYTE],
]);
/** The limit of all other types, as in libpq. */
const SHORT_MAX = 30_000;

export function longestMessage(type: number): number {
  return LONG_MAX.get(String.fromCharCode(type)) ?? SHORT_MAX;
}

/** Reads the fields of one message. Each method throws if it is too short, `end()` if something is left over. */
export class MessageFields {
  readonly #bytes: Buffer;
  #at: number;

  /** @param bytes the whole message, with type and length */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#at = 1 + LENGTH_BYTES;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(count: number): void {
    if (count < 0 || this.left < count) this.#broken();
    this.#at += count;
  }

  int16(): number {
    this.skip(2);
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.skip(4);
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  byte(): number {
    this.skip(1);
    return this.#bytes.readUInt8(this.#at - 1);
  }

  string(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) this.#broken();
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  end(): void {
    if (this.left !== 0) this.#broken();
  }

  #broken(): never {
    throw new ProtocolViolation(`a malformed message of type ${typeName(this.#bytes[0] ?? 0)}`);
  }
}

/** Checks for messages that can be judged by themselves. login.ts checks those of authentication. */
const SHAPES: ReadonlyMap<string, (fields: MessageFields) => void> = new Map([
  ["E", skipFields],
  ["N", skipFields],
  ["S", (fields: MessageFields): void => void [fields.string(), fields.string()]],
  ["K", (fields: MessageFields): void => fields.skip(8)],
  ["Z", skipTransactionStatus],
  ["A", (fields: MessageFields): void => void [fields.int32(), fields.string(), fields.string()]],
  ["C", (fields: MessageFields): void => void fields.string()],
  ["W", skipCopyFormats],
  ["c", (): void => {}],
  ["I", (): void => {}],
]);

/** @throws ProtocolViolation if the message does not have the form of its type; the caller checks T and D */
export function checkShape(message: Buffer): void {
  const shape = SHAPES.get(String.fromCharCode(message[0] ?? 0));
  if (shape === undefined) return;
  const fields = new MessageFields(message);
  shape(fields);
  fields.end();
}

/** The fields of ErrorResponse and NoticeResponse: codes and texts until a zero. */
function skipFields(fields: MessageFields): void {
  while (fields.byte() !== 0) fields.string();
}

function skipTransactionStatus(fields: MessageFields): void {
  if (!"ITE".includes(String.fromCharCode(fields.byte()))) fields.skip(-1);
}

function skipCopyFormats(fields: MessageFields): void {
  fields.byte();
  fields.skip(fields.int16() * 2);
}

/** Returns the number of columns. */
export function checkRowDescription(message: Buffer): number {
  const fields = new MessageFields(message);
  const count = fields.int16();
  for (let left = count; left > 0; left--) {
    fields.string();
    fields.skip(18);
  }
  fields.end();
  return count;
}

export function checkDataRow(message: Buffer, columns: number): void {
  const fields = new MessageFields(message);
  // The number of values differs from the number of columns.
  if (fields.int16() !== columns) fields.skip(-1);
  for (let left = columns; left > 0; left--) {
    const length = fields.int32();
    if (length !== -1) fields.skip(length);
  }
  fields.end();
}
