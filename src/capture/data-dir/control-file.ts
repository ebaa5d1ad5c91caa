/**
 * The two files of a cluster that identify it and map catalogues to their files (catalog/pg_control.h,
 * utils/cache/relmapper.c). Both end with a CRC-32C over everything before it.
 */
import { usageError } from "../../errors.ts";
import { checksumAfter } from "../../postgres/pages/crc32c.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import {
  POSITION_LIMIT,
  ABOVE_LIMIT,
  formatPosition,
  positionOf,
} from "../../postgres/pages/position.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import { InputError } from "../formats/input-error.ts";

/** The contents of global/pg_control after a shutdown. */
export interface ControlFile {
  readonly version: WalVersion;
  /** Part of the names of tablespace folders. */
  readonly catalogVersion: number;
  readonly systemIdentifier: bigint;
  readonly timeline: number;
  /** The position of the shutdown's checkpoint. */
  readonly checkpoint: number;
  /** With the epoch in the high half. */
  readonly nextXid: bigint;
  /** When it was written, in seconds since 1970. */
  readonly time: number;
  /** The number of a table's blocks in one file. */
  readonly blocksPerFile: number;
  /** Data pages have checksums. */
  readonly checksums: boolean;
}

/** CATALOG_VERSION_NO of the releases (catalog/catversion.h). */
const VERSIONS = new Map<number, WalVersion>([
  [202107181, 14],
  [202209061, 15],
  [202307071, 16],
  [202406281, 17],
  [202506291, 18],
  [202606301, 19],
]);
/** PG_CONTROL_VERSION; version 13 and big-endian machines have it at the same offset. */
const CONTROL_VERSION_MAX = 10_000;
/** DBState, as pg_controldata names it. */
const STATES = [
  "starting up",
  "shut down",
  "shut down in recovery",
  "shutting down",
  "in crash recovery",
  "in archive recovery",
  "in production",
];
const SHUT_DOWN = 1;
/** The range of a Date, in seconds. */
const TIME_MAX = 8_640_000_000_000;

/** Where fields are (catalog/pg_control.h). */
interface ControlPlaces {
  readonly nextXid: number;
  /** What the server was compiled with: maxAlign; blcksz is 12 bytes behind it, relseg_size 16. */
  readonly compiled: number;
  /** data_checksum_version */
  readonly pageChecksums: number;
  readonly crc: number;
}

const PLACES_14: ControlPlaces = { nextXid: 64, compiled: 204, pageChecksums: 252, crc: 288 };
/** It has default_char_signedness too. */
const PLACES_18: ControlPlaces = { ...PLACES_14, crc: 292 };
/** Its checkpoint is 8 bytes longer. */
const PLACES_19: ControlPlaces = { nextXid: 72, compiled: 212, pageChecksums: 264, crc: 308 };

function placesOf(version: WalVersion): ControlPlaces {
  return version >= 19 ? PLACES_19 : version === 18 ? PLACES_18 : PLACES_14;
}

/**
 * uint64 system identifier, uint32 control version, uint32 catalogue version, uint32 state, 4 bytes, int64 time, uint64 checkpoint;
 * from 40 on the checkpoint's record; then see ControlPlaces
 * @throws WalctlError where the catalogue cannot be read behind it
 */
export function parseControlFile(bytes: Uint8Array, path: string): ControlFile {
  if (bytes.length < PLACES_19.crc + 4) throw damaged(path, "it is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const uint32 = (at: number): number => view.getUint32(at, true);
  if (uint32(8) > CONTROL_VERSION_MAX && view.getUint32(8, false) <= CONTROL_VERSION_MAX) {
    throw foreign(path, "was written on a big-endian machine");
  }
  const catalogVersion = uint32(12);
  const version = VERSIONS.get(catalogVersion);
  if (version === undefined) {
    throw foreign(
      path,
      `is of another PostgreSQL than 14 to 19 (catalogue version ${catalogVersion})`,
    );
  }
  const places = placesOf(version);
  if (checksumOf(bytes, places.crc) !== uint32(places.crc)) {
    throw damaged(path, "its checksum does not match");
  }
  const checkpoint = positionOf(uint32(36), uint32(32));
  const time = Number(view.getBigInt64(24, true));
  if (Math.abs(time) > TIME_MAX) throw damaged(path, "its time cannot be");
  if (checkpoint >= POSITION_LIMIT) {
    throw foreign(path, `has its checkpoint at ${formatPosition(checkpoint)}, ${ABOVE_LIMIT}`);
  }
  const { compiled } = places;
  const [alignment, blockBytes] = [uint32(compiled), uint32(compiled + 12)];
  if (blockBytes !== PAGE_BYTES || alignment !== 8) {
    throw foreign(path, `has blocks of ${blockBytes} bytes, aligned to ${alignment}`);
  }
  requireShutDown(uint32(16), path);
  return {
    version,
    catalogVersion,
    checkpoint,
    time,
    systemIdentifier: view.getBigUint64(0, true),
    timeline: uint32(48),
    nextXid: view.getBigUint64(places.nextXid, true),
    blocksPerFile: uint32(compiled + 16),
    checksums: uint32(places.pageChecksums) !== 0,
  };
}

function requireShutDown(state: number, path: string): void {
  if (state === SHUT_DOWN) return;
  throw usageError(
    `the cluster was not shut down: "${path}" says "${STATES[state] ?? state}"`,
    "Start and stop it, or take the catalogue from the running server.",
  );
}

/** The file numbers of catalogues whose pg_class.relfilenode is 0, by oid. */
export type FilenodeMap = ReadonlyMap<number, number>;

const MAP_MAGIC = 0x592717;
/** The number of entries up to 15, and from 16 on. */
const MAP_PLACES = new Set([62, 64]);

/**
 * int32 magic, int32 count, places × (uint32 oid, uint32 filenode), CRC-32C
 * @throws WalctlError where it is damaged
 */
export function parseFilenodeMap(bytes: Uint8Array, path: string): FilenodeMap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = bytes.length === 512 ? 62 : 64;
  const checksumAt = 8 + 8 * places;
  if (!MAP_PLACES.has(places) || bytes.length < checksumAt + 4)
    throw damaged(path, "it is too short");
  const count = view.getInt32(4, true);
  if (view.getInt32(0, true) !== MAP_MAGIC || count < 0 || count > places) {
    throw damaged(path, "it is no relation map");
  }
  if (checksumOf(bytes, checksumAt) !== view.getUint32(checksumAt, true)) {
    throw damaged(path, "its checksum does not match");
  }
  return new Map(
    Array.from({ length: count }, (_, place) => [
      view.getUint32(8 + 8 * place, true),
      view.getUint32(12 + 8 * place, true),
    ]),
  );
}

function checksumOf(bytes: Uint8Array, end: number): number {
  return ~checksumAfter(-1, bytes, 0, end) >>> 0;
}

function damaged(path: string, why: string): InputError {
  return new InputError(`"${path}" is damaged: ${why}`, {
    hint: "Take the catalogue from the running server, or from a copy of the directory.",
  });
}

function foreign(path: string, what: string): Error {
  return usageError(`"${path}" ${what}`, "Take the catalogue from the running server.");
}
