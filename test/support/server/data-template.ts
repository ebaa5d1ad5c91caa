/**
 * The data directory of a new server: a copy of one that initdb made before. A copy takes a third of initdb's CPU time,
 * and every second test file starts a server.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { initialise } from "../../../src/demo/preparation.ts";
import { checksumAfter } from "../../../src/postgres/pages/crc32c.ts";

/** `npm ci` removes it, together with the initdb that made what is in it. */
const CACHE = fileURLToPath(new URL("../../../../node_modules/.cache/walctl", import.meta.url));

/** Of pg_control's checksum: of 14 to 17, of 18, from 19 on. */
const CHECKSUM_PLACES = [288, 292, 308];

export function copiedData(version: number, args: readonly string[]): typeof initialise {
  return async (initdb, folder, options) => {
    const made = Math.trunc(statSync(initdb).mtimeMs);
    const template = join(CACHE, ["data", version, made, ...args].join("-"));
    if (!existsSync(template)) {
      const first = await initialise(initdb, folder, options, args);
      keepCopy(first, template);
      return first;
    }
    const data = join(folder, "data");
    execFileSync("cp", ["-a", template, data]);
    await renumber(data);
    return data;
  };
}

/** Several test files may do this at once: the first one wins. */
function keepCopy(data: string, template: string): void {
  mkdirSync(CACHE, { recursive: true });
  const copy = mkdtempSync(join(CACHE, "new-"));
  execFileSync("cp", ["-a", data, join(copy, "data")]);
  try {
    renameSync(join(copy, "data"), template);
  } catch {
    // Another one was faster.
  }
  rmSync(copy, { recursive: true });
}

/** Gives it a system identifier of its own: in pg_control, with its checksum, and in the first page of each segment. */
async function renumber(data: string): Promise<void> {
  const control = await open(join(data, "global", "pg_control"), "r+");
  const { buffer: head } = await control.read(Buffer.alloc(512), 0, 512, 0);
  const checksumOf = (at: number): number => ~checksumAfter(-1, head, 0, at) >>> 0;
  const checksumAt = CHECKSUM_PLACES.find((at) => head.readUInt32LE(at) === checksumOf(at));
  if (checksumAt === undefined) throw new Error("pg_control has its checksum at another place");
  randomBytes(4).copy(head);
  head.writeUInt32LE(checksumOf(checksumAt), checksumAt);
  await control.write(head, 0, checksumAt + 4, 0);
  await control.close();
  for (const name of await readdir(join(data, "pg_wal"))) {
    if (!/^[0-9A-F]{24}$/.test(name)) continue;
    const segment = await open(join(data, "pg_wal", name), "r+");
    // XLogLongPageHeaderData.xlp_sysid
    await segment.write(head, 0, 8, 24);
    await segment.close();
  }
}
