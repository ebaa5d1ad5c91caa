/** The output plugin wal2json itself, to compare with. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ServerVersion, installedVersions } from "./server.ts";

interface Wal2jsonPlugin {
  /** Of the server that it is for: within a major version any build of that takes it. */
  readonly version: ServerVersion;
  /** The library. */
  readonly path: string;
}

/** Where install-wal2json.ts unpacks Debian's package. */
export function wal2jsonFolder(version: number): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(cache, "walctl", `wal2json-${version}`);
}

/** Undefined: it is not here for any server that is. */
export function findWal2json(): Wal2jsonPlugin | undefined {
  const places = installedVersions().flatMap((version) => {
    const library = join("usr/lib/postgresql", String(version), "lib/wal2json.so");
    const paths = [join(wal2jsonFolder(version), library), join("/", library)];
    return paths.map((path) => ({ version, path }));
  });
  return places.find(({ path }) => existsSync(path));
}
