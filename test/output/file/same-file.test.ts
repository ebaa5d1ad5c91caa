/** One file for two purposes is refused before anything is opened or asked. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { isDescriptorName, requireDifferentFiles } from "../../../src/output/file/same-file.ts";
import { PROGRAM, childEnvironment, walctl } from "../../support/program/cli.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-same-file-"));
  file = join(folder, "F");
});
afterEach(() => rmSync(folder, { recursive: true }));

function areSame(one: string, other: string): boolean {
  try {
    requireDifferentFiles([
      ["one", one],
      ["other", other],
    ]);
    return false;
  } catch (error) {
    assert.ok(error instanceof WalctlError);
    assert.deepEqual([error.message, error.exitCode], ["one and other are the same file", 2]);
    return true;
  }
}

test("a file is the same by every link and spelling, whether it exists or not", () => {
  mkdirSync(join(folder, "sub"));
  symlinkSync(folder, join(folder, "sub", "up"));
  symlinkSync("F", join(folder, "link"));
  symlinkSync("link", join(folder, "twice"));
  const names = ["F", "sub/../F", "sub/up/F", "link", "twice", `../${basename(folder)}/F`];
  const each = (): void => {
    for (const name of names) assert.ok(areSame(file, `${folder}/${name}`), name);
  };
  each();
  assert.ok(!areSame(file, join(folder, "G")));
  writeFileSync(file, "");
  each();
  linkSync(file, join(folder, "hard"));
  assert.ok(areSame(file, join(folder, "hard")));
  writeFileSync(join(folder, "G"), "");
  assert.ok(!areSame(file, join(folder, "G")));
  execFileSync("mkfifo", [join(folder, "fifo")]);
  assert.ok(areSame(join(folder, "fifo"), `${folder}/./fifo`));
});

test("two may share a device, and what cannot be looked at is left to the one who opens it", () => {
  symlinkSync("loop", join(folder, "loop"));
  assert.ok(!areSame("/dev/null", "/dev/null"));
  assert.ok(!areSame(join(folder, "none", "F"), join(folder, "none", "F")));
  assert.ok(!areSame(join(folder, "loop", "F"), join(folder, "loop", "F")));
});

test("a descriptor is known by its name, by whatever link", () => {
  symlinkSync("/dev/stdout", join(folder, "log"));
  for (const name of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", join(folder, "log")]) {
    assert.ok(isDescriptorName(name), name);
  }
  assert.ok(!isDescriptorName("/dev/null"));
  assert.ok(!isDescriptorName(file));
});

test("tail and decode-file refuse it, and touch nothing", async () => {
  const text = '{"kind":"begin"';
  for (const name of ["F", "F.walctl"]) writeFileSync(join(folder, name), text);
  linkSync(file, join(folder, "hard"));
  const tail = ["tail", "-S", "s", "-P", "p", "--ack"];
  const state = (name: string): string => `"${name}", which --output keeps its state in,`;
  const cases: ReadonlyArray<readonly [args: readonly string[], one: string, other: string]> = [
    [[...tail, "-o", "F", "--capture", "hard"], '--output "F"', '--capture "hard"'],
    [[...tail, "-o", "new", "--capture", "./new"], '--output "new"', '--capture "./new"'],
    [[...tail, "-o", "F", "--capture", "F.walctl"], state("F.walctl"), '--capture "F.walctl"'],
    [
      [...tail, "-o", "F", "--capture", "F.walctl.new"],
      state("F.walctl.new"),
      '--capture "F.walctl.new"',
    ],
    [[...tail.slice(0, -1), "-o", "F", "--ack-from", "F"], '--output "F"', '--ack-from "F"'],
    [
      [...tail.slice(0, -1), "--capture", "F", "--ack-from", "F"],
      '--capture "F"',
      '--ack-from "F"',
    ],
  ];
  for (const [args, one, other] of cases) {
    const { status, stdout, stderr } = await walctl(args, { cwd: folder, env: { PGPORT: "1" } });
    assert.equal(
      stderr,
      `walctl: error: ${one} and ${other} are the same file\nHINT: Give each a file of its own.\n`,
    );
    assert.deepEqual([status, stdout], [2, ""]);
  }
  for (const [command, name] of [
    ["tail -S s -P p --capture F >> F", '--capture "F"'],
    ["decode-file F >> F", '"F"'],
    ["decode-file - < F >> F", "standard input"],
  ] as const) {
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", `"$0" "$1" ${command}`, process.execPath, PROGRAM],
      { cwd: folder, env: childEnvironment({ env: { PGPORT: "1" } }), encoding: "utf8" },
    );
    assert.match(stderr, /^walctl: error: .* and .* are the same file\n/);
    assert.ok(stderr.includes(name) && stderr.includes("standard output"), stderr);
    assert.equal(status, 2);
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ["F", "F.walctl", "hard"]);
  for (const name of readdirSync(folder)) {
    assert.equal(readFileSync(join(folder, name), "utf8"), text);
  }
});
