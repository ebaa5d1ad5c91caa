/** walctl and the files that it has open, for tests of FIFOs and of what keeps it waiting. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunningWalctl } from "./cli.ts";
import { until } from "../tools/until.ts";

/** SIGTERM is answered within a second, and node takes its time to end. */
export const END_MS_MAX = 1300;

/** A start takes as long as a loaded machine likes; where the kernel does not show what is open, half a second. */
export async function opens({ child }: RunningWalctl, path: string): Promise<unknown> {
  const files = `/proc/${child.pid}/fd`;
  if (!existsSync(files)) return await sleep(500);
  const isOpen = (): boolean =>
    readdirSync(files).some((fd) => {
      try {
        return readlinkSync(join(files, fd)) === path;
      } catch {
        return false;
      }
    });
  await until(() => isOpen());
  return undefined;
}

export async function endsInTime(
  running: RunningWalctl,
  signal: NodeJS.Signals,
  expected = 0,
): Promise<void> {
  const since = performance.now();
  const { status, stderr } = await running.stop(signal);
  const tookMs = performance.now() - since;
  assert.equal(status, expected, stderr);
  assert.ok(tookMs < END_MS_MAX, `it took ${tookMs} ms`);
}

export function reader(
  path: string,
): ChildProcess & { stdout: NonNullable<ChildProcess["stdout"]> } {
  return spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] });
}
