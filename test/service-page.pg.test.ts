/** docs/service.md: what stands there is what systemd and logrotate take, and what they do to a real tail. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM, childEnvironment, spawnWalctl, walctl } from "./support/program/cli.ts";
import { committedIds, parseLines } from "./support/program/lines.ts";
import { type TestServer, startServer } from "./support/server/server.ts";
import { toolPath } from "./support/tools/tools.ts";

const PAGE = readFileSync(new URL("../../docs/service.md", import.meta.url), "utf8");

/** The first block below the heading. */
function blockOf(heading: string): string {
  const section = PAGE.split(`\n## ${heading}\n`)[1] ?? "";
  return /^```\w*\n([^]*?)^```$/m.exec(section)?.[1] ?? "";
}

describe("docs/service.md", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    server = await startServer({ version: 18 });
    folder = mkdtempSync(join(tmpdir(), "walctl-service-"));
    for (const name of ["state", "bin"]) mkdirSync(join(folder, name), { mode: 0o750 });
    await server.sql("CREATE DATABASE shop");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  function inShop(sql: string): void {
    execFileSync(toolPath("psql"), ["-qX", "-d", "shop", "-c", sql], {
      env: childEnvironment({ server }),
    });
  }

  /** With the paths of this test. */
  const here = (text: string): string =>
    text
      .replaceAll("/var/lib/walctl", join(folder, "state"))
      .replaceAll("/usr/local/bin/walctl", join(folder, "bin/walctl"));

  it("has a unit that systemd takes without a warning", () => {
    const script = `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`;
    writeFileSync(join(folder, "bin/walctl"), script, { mode: 0o755 });
    const unit = join(folder, "walctl.service");
    writeFileSync(unit, here(blockOf("Unit")).replace("User=walctl\n", ""));
    const { stdout, stderr, status } = spawnSync(
      toolPath("systemd-analyze"),
      ["verify", "--man=no", unit],
      {
        encoding: "utf8",
      },
    );
    const said = (stdout + stderr).split("\n").filter((line) => line.includes("walctl"));
    assert.deepEqual([said, status], [[], 0]);
  });

  it("has a tail that logrotate rotates, with each change once, and that ends within its time", async () => {
    await server.sql("CREATE ROLE walctl LOGIN REPLICATION");
    inShop("CREATE TABLE orders (id int PRIMARY KEY)");
    const commands = blockOf("Account and slot").matchAll(/-- walctl (.*)$/gm);
    for (const [, words = ""] of commands)
      assert.equal((await walctl(words.split(" "), { server })).status, 0, words);
    const [, line = ""] = /^ExecStart=\S+ (.*)$/m.exec(here(blockOf("Unit"))) ?? [];
    const file = join(folder, "state/changes.ndjson");
    const holds = async (path: string, id: number): Promise<void> => {
      while (!readFileSync(path, "utf8").includes(`"id":${id}}`)) await sleep(20);
    };
    const running = spawnWalctl([...line.split(" "), "-U", "walctl"], { server });
    try {
      await running.waitForStderr(/^walctl: \d{4}-\S+Z streaming from slot "shop_slot" at /m);
      inShop("INSERT INTO orders VALUES (1)");
      await holds(file, 1);
      const systemctl = `#!/bin/sh\n[ "$*" = "try-reload-or-restart walctl.service" ] && kill -HUP ${running.child.pid}\n`;
      writeFileSync(join(folder, "bin/systemctl"), systemctl, { mode: 0o755 });
      const { username } = userInfo();
      const group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();
      const config = here(blockOf("Rotation")).replace(
        "su walctl walctl",
        `su ${username} ${group}`,
      );
      writeFileSync(join(folder, "logrotate.conf"), config, { mode: 0o644 });
      rotate();
      await running.waitForStderr(
        /^walctl: \d{4}-\S+Z opened ".*changes\.ndjson" again \(SIGHUP\)$/m,
      );
      inShop("INSERT INTO orders VALUES (2)");
      await holds(file, 2);
      const since = performance.now();
      running.signal("SIGTERM");
      assert.equal((await running.exit()).status, 0);
      const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(blockOf("Unit")) ?? [];
      assert.ok(performance.now() - since < Number(seconds) * 1000);
    } finally {
      running.child.kill("SIGKILL");
    }
    const idsOf = (path: string): readonly number[] =>
      committedIds(parseLines(readFileSync(path, "utf8"))).map(Number);
    assert.deepEqual([idsOf(`${file}.1`), idsOf(file)], [[1], [2]]);
    const old = await walctl(["decode-file", `${file}.1`, "-F", "table"]);
    assert.match(old.stdout, /orders 1\b/);
  });

  function rotate(): void {
    const { status, stderr } = spawnSync(
      toolPath("logrotate"),
      ["--force", "--state", join(folder, "logrotate.state"), join(folder, "logrotate.conf")],
      {
        encoding: "utf8",
        env: {
          ...childEnvironment({ server }),
          PATH: `${join(folder, "bin")}${delimiter}${process.env["PATH"] ?? ""}`,
        },
      },
    );
    assert.equal(status, 0, stderr);
  }
});
