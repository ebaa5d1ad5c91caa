/** The npm packages that walctl is measured against: installed where they disturb nobody, and only when asked for. */
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish } from "./measure.ts";

const PACKAGES = ["pg-logical-replication", "postgres", "pgwire"] as const;
export type PeerPackage = (typeof PACKAGES)[number];

export interface Peers {
  /** The script that drives the package; they stand in this folder as peer-*.ts. */
  script(name: PeerPackage | "parser"): string;
  readonly versions: Readonly<Record<PeerPackage, string>>;
  dispose(): void;
}

export async function installPeers(): Promise<Peers> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-bench-peers-"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  await finish(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", ...PACKAGES]);
  letSubscribeTakeASlot(join(folder, "node_modules", "postgres", "src", "subscribe.js"));
  // A script finds its packages from where it lies.
  for (const file of readdirSync(import.meta.dirname)) {
    if (/^peer-.*\.js$/.test(file))
      copyFileSync(join(import.meta.dirname, file), join(folder, file));
  }
  return {
    script: (name) => join(folder, `peer-${name}.js`),
    versions: {
      "pg-logical-replication": versionIn(folder, "pg-logical-replication"),
      postgres: versionIn(folder, "postgres"),
      pgwire: versionIn(folder, "pgwire"),
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** postgres makes a temporary slot for itself, from now on: here it is to read one that is there. */
function letSubscribeTakeASlot(path: string): void {
  const source = readFileSync(path, "utf8");
  const creation = /await sql\.unsafe\(\s*`CREATE_REPLICATION_SLOT [^`]*`\s*\)/;
  if (!creation.test(source)) throw new Error("postgres: subscribe.js is not as it was");
  writeFileSync(
    path,
    source
      .replace(creation, "Object.assign([{ consistent_point: '0/0' }], { state: {} })")
      .replace(/slot = 'postgresjs_' \+ [^\n]*/, "slot = process.argv[2]"),
  );
}

function versionIn(folder: string, name: PeerPackage): string {
  const manifest: unknown = JSON.parse(
    readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"),
  );
  return (manifest as { version: string }).version;
}
