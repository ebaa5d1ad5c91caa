/** walctl doctor, run on a real server, and what it found. */
import assert from "node:assert/strict";
import { type RunOptions, walctl } from "../../support/program/cli.ts";
import type { TestServer } from "../../support/server/server.ts";

export interface Check {
  readonly check: string;
  readonly status: "ok" | "warning" | "fail" | "unknown";
  readonly message: string;
  readonly fix: string | null;
}

interface Diagnosis {
  readonly checks: readonly Check[];
  readonly exit: number | null;
}

export async function diagnose(
  server: TestServer,
  args: readonly string[] = [],
  options: Omit<RunOptions, "server"> = {},
): Promise<Diagnosis> {
  const { status, stdout, stderr } = await walctl(["doctor", "-F", "ndjson", ...args], {
    server,
    ...options,
  });
  assert.equal(stderr, "");
  const lines = stdout.split("\n").filter((line) => line !== "");
  const checks = lines.map((line) => JSON.parse(line) as Check);
  for (const check of checks) {
    assert.equal(Object.keys(check).join(), "check,status,message,fix");
    if (check.status === "ok") assert.equal(check.fix, null);
  }
  const failed = checks.some((check) => check.status === "fail");
  assert.equal(status, failed ? 1 : 0);
  return { checks, exit: status };
}

/** The one of that name that is not as it should be. */
export function fault({ checks }: Diagnosis, name: string): Check {
  const found = checks.filter(({ check, status }) => check === name && status !== "ok");
  assert.equal(found.length, 1, JSON.stringify(checks, null, 1));
  return found[0] as Check;
}

export function faults({ checks }: Diagnosis): readonly string[] {
  return checks
    .filter(({ status }) => status === "fail" || status === "warning")
    .map(({ check }) => check);
}
