import type { Payload } from "./payload.ts";

/** The main fork of a relation: a relfilenode is unique only within tablespace and database (storage/relfilelocator.h). */
export interface Locator {
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
}

/** @throws ShortPayload */
export function readLocator(data: Payload): Locator {
  return { tablespace: data.u32(), database: data.u32(), relfilenode: data.u32() };
}
