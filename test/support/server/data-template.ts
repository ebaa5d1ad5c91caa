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
    await renumber(data, version);
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
async function renumber(data: string, version: number): Promise<void> {
  const checksumAt = version === 18 ? 292 : 288;
  const control = await open(join(data, "global", "pg_control"), "r+");
  const { buffer: head } = await control.read(Buffer.alloc(checksumAt), 0, checksumAt, 0);
  randomBytes(4).copy(head);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(~checksumAfter(-1, head, 0, checksumAt) >>> 0);
  await control.write(Buffer.concat([head, checksum]), 0, checksumAt + 4, 0);
  await control.close();
  for (const name of await readdir(join(data, "pg_wal"))) {
    if (!/^[0-9A-F]{24}$/.test(name)) continue;
    const segment = await open(join(data, "pg_wal", name), "r+");
    // XLogLongPageHeaderData.xlp_sysid
    await segment.write(head, 0, 8, 24);
    await segment.close();
  }
}
