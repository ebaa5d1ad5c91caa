/** What the tests of the findings share: servers of our own and of a service, and how a check is compared. */
import assert from "node:assert/strict";
import type { Check } from "../../../src/reports.ts";
import { type Administration, SERVICES } from "../../../src/server/settings/administration.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";

export const TARGET = resolveTarget({ host: "h", username: "u", dbname: "shop" }, {});
export const OWN: Administration = {
  admin: { ...TARGET, user: "postgres" },
  service: undefined,
  wal: { path: undefined, readable: false },
  user: "u",
  sources: {},
  allowsAlterSystem: true,
};
export const RDS: Administration = { ...OWN, service: SERVICES[0] };
export const AT = "-h h -p 5432 -U u -d shop";
export const PSQL = "psql -h h -p 5432 -U postgres -d shop";

export function alterSystem(setting: string): string {
  return `${PSQL} -c "ALTER SYSTEM SET ${setting}" -c "SELECT pg_catalog.pg_reload_conf()"`;
}

/** `undefined`: the check is not there. */
export type Expected =
  | readonly [status: Check["status"], message: RegExp | string, fix: string | RegExp | null]
  | undefined;

export function expectCheck(checks: readonly Check[], name: string, expected: Expected): void {
  const found = checks.filter(({ check }) => check === name);
  assert.equal(found.length, expected === undefined ? 0 : 1, JSON.stringify(checks));
  const [check] = found;
  if (check === undefined || expected === undefined) return;
  const [status, message, fix] = expected;
  assert.equal(check.status, status, check.message);
  if (typeof message === "string") assert.equal(check.message, message);
  else assert.match(check.message, message);
  if (fix instanceof RegExp) assert.match(check.fix ?? "", fix);
  else assert.equal(check.fix, fix);
}
