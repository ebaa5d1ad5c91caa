import type {
  CatalogueType,
  CompositeField,
  TypeRegistry,
  TypeShape,
} from "../../postgres/messages/type-registry.ts";
import { majorOf } from "../../server/settings/preflight.ts";
import type { StreamNote } from "../../server/start/consumer.ts";

/** How an `m` frame's payload starts. */
const METADATA_START = Buffer.from("m{");

/** Forgets what the damaged bytes[from, to) may have said about types. */
export function forgetTypes(
  types: TypeRegistry,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  types.forget(bytes, from, to);
  // The second byte may be the first one of the next piece.
  const end = Math.min(bytes.length, to + 1);
  const piece = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from);
  if (piece.includes(METADATA_START)) types.forgetCatalogue();
}

/** Restores the catalogue's answers from the time of the capture. Other keys are ignored here. */
export function applyMetadata(json: unknown, types: TypeRegistry): void {
  const {
    asked,
    types: found,
    relation,
    generated,
    always,
    rowKey,
    server_version,
    ...ruled
  } = recordOf(json);
  if (isUint32(server_version)) types.sentBy(majorOf(server_version));
  if (isUint32(relation) && Array.isArray(generated) && Array.isArray(always)) {
    types.ruled(relation, {
      generated: generated.filter(isText),
      always: always.filter(isText),
      rowKey: Array.isArray(rowKey) ? rowKey.filter(isText) : [],
      keyless: ruled["keyless"] === true,
      partial: ruled["partial"] === true,
      renamed: ruled["renamed"] === true,
      inherited: ruled["inherited"] === true,
      triggers: ruled["triggers"] === true,
      moves: ruled["moves"] === true,
    });
  }
  if (!Array.isArray(asked) || !Array.isArray(found)) return;
  types.catalogue(
    asked.filter(isUint32),
    found.map(parseType).filter((type) => type !== undefined),
  );
}

/** Restores what walctl concluded, during the capture, from frames of earlier connections. */
export function streamNote(json: unknown): StreamNote | undefined {
  const { stream_continues, rolled_back } = recordOf(json);
  if (isUint32(stream_continues)) return { stream_continues };
  if (!Array.isArray(rolled_back)) return undefined;
  return {
    rolled_back: rolled_back.flatMap((each) => {
      const { xid, subxid } = recordOf(each);
      return isUint32(xid) && isUint32(subxid) ? [{ xid, subxid }] : [];
    }),
  };
}

function parseType(json: unknown): CatalogueType | undefined {
  const { oid, name, shape } = recordOf(json);
  if (!isUint32(oid) || typeof name !== "string") return undefined;
  return { oid, name, shape: parseShape(shape) ?? null };
}

function parseShape(json: unknown): TypeShape | undefined {
  const { kind, name, element, delimiter, base, fields } = recordOf(json);
  if (kind === "array" && isUint32(element) && typeof delimiter === "string") {
    return { kind, element, delimiter };
  }
  if (kind === "domain" && isUint32(base)) return { kind, base };
  if (kind === "composite" && fields === null) return { kind, fields };
  if (kind === "composite" && Array.isArray(fields)) {
    return { kind, fields: fields.map(parseField).filter((field) => field !== undefined) };
  }
  if (kind === "scalar" && name === "text") return { kind, name };
  return kind === "hstore" ? { kind } : undefined;
}

function parseField(json: unknown): CompositeField | undefined {
  const { name, type } = recordOf(json);
  return typeof name === "string" && isUint32(type) ? { name, type } : undefined;
}

function recordOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null ? Object.fromEntries(Object.entries(json)) : {};
}

function isText(json: unknown): json is string {
  return typeof json === "string";
}

function isUint32(json: unknown): json is number {
  return typeof json === "number" && Number.isInteger(json) && json >= 0 && json <= 0xffffffff;
}
