/** What a hint prints is what psql gets, whatever a name holds: in sh, and in a bash that somebody types into. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { psqlCommand } from "../../../src/server/target/paste.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";

const STATEMENTS = [
  `ALTER TABLE "it's" REPLICA IDENTITY FULL`,
  'ALTER TABLE "x!echo:h;touch PWNED;#" REPLICA IDENTITY FULL',
  `ALTER TABLE "x!!'!$HOME\`id\`\\" REPLICA IDENTITY FULL`,
  'SELECT $1, `id`, "$(id)", \\',
];
/** Its line is what `!echo` stands for, and has an open quote before its last slash. */
const SETUP = `psql() { printf '<%s>\\n' "$@"; }\necho "a 'b/c" > /dev/null\n`;

for (const [shell, args] of [
  ["sh", []],
  ["bash", ["--norc", "-i"]],
] as const) {
  test(`a statement in ${shell}`, () => {
    for (const statement of STATEMENTS) {
      const line = psqlCommand(
        [statement, "SELECT 1"],
        resolveTarget({ host: "/tmp" }, { USER: "postgres" }, () => {}),
      );
      const printed = execFileSync(shell, args, {
        input: `${SETUP}${line}\n`,
        encoding: "utf8",
        stdio: ["pipe", "pipe", "ignore"],
      });
      const words = printed.split("\n").filter((text) => text.startsWith("<"));
      assert.deepEqual(words.slice(-4), ["<-c>", `<${statement}>`, "<-c>", "<SELECT 1>"]);
    }
  });
}
