import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOMS, loadedPackages, violations } from "./support/tools/architecture.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function sourceFiles(): Map<string, string> {
  const folder = join(ROOT, "src");
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  // AssemblyScript can import nothing but its own, by names without .ts.
  const sources = paths.filter((path) => path.endsWith(".ts") && !path.startsWith("kernel/"));
  return new Map(sources.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

describe("architecture", () => {
  it("no file of src imports from a room that it may not import from", () => {
    const files = sourceFiles();
    assert.ok(files.size > 40, "the sources were found");
    assert.deepEqual(violations(files), []);
  });

  it("commander is all that every start loads", () => {
    assert.deepEqual([...loadedPackages("main.ts", sourceFiles())], ["commander"]);
  });

  it("ARCHITECTURE.md has a row for every room", () => {
    const page = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
    const [rooms = ""] = /^## Rooms\n.*?(?=^## )/ms.exec(page) ?? [];
    const rows = Array.from(rooms.matchAll(/^\| `?([\w.]+)`? +\|/gm), (match) => match[1]);
    assert.deepEqual(rows, ["room", ...Object.keys(ROOMS)]);
  });

  // Samples that break each rule: the test has to report them.
  const BAD: ReadonlyArray<
    readonly [story: string, path: string, source: string, found: string[]]
  > = [
    [
      "a multi-line import",
      "wal/x.ts",
      'import {\n  readFile,\n} from "node:fs";',
      ["src/wal/x.ts:3: wal may not use node:fs"],
    ],
    [
      "a type import",
      "render/x.ts",
      '\nimport type pg from "pg";',
      ["src/render/x.ts:2: render may not use pg"],
    ],
    [
      "an import() type",
      "render/x.ts",
      'let spinner: import("ora").Ora;',
      ["src/render/x.ts:1: render may not use ora"],
    ],
    [
      "a re-export from another room",
      "output/x.ts",
      'export { Tag } from "../postgres/messages/tags.ts";',
      ["src/output/x.ts:1: output may not import postgres/messages/tags.ts"],
    ],
    [
      "ora where every start would load it",
      "output/x.ts",
      'import ora from "ora";',
      ["src/output/x.ts:1: output may not use ora"],
    ],
    ["ora when it is needed", "output/x.ts", 'const { default: ora } = await import("ora");', []],
    [
      "a leaf that leans on another one",
      "lsn.ts",
      'import { assertNever } from "./assert.ts";',
      ["src/lsn.ts:1: leaves may not import assert.ts"],
    ],
    ["the one file of another room", "capture/x.ts", 'import "../server/delivery/frame.ts";', []],
    [
      "another file of that room",
      "capture/x.ts",
      'import "../server/query/sql.ts";',
      ["src/capture/x.ts:1: capture may not import server/query/sql.ts"],
    ],
    [
      "an upper storey",
      "server/query/x.ts",
      'import "../stream/session.ts";',
      ["src/server/query/x.ts:1: server/query may not import server/stream/session.ts"],
    ],
    ["a lower storey", "server/stream/x.ts", 'import "../query/sql.ts";', []],
    [
      "a folder without a storey",
      "server/query/x.ts",
      'import "../cellar/x.ts";',
      ["src/server/query/x.ts:1: server/cellar is no folder of server; add it to the table"],
    ],
    [
      "a command from a command",
      "commands/slots.ts",
      'import { tail } from "./tail/tail.ts";',
      ["src/commands/slots.ts:1: only cli.ts may import the command commands/tail/tail.ts"],
    ],
    [
      "the folder of another command",
      "commands/tail/x.ts",
      'import "../inspect/follow.ts";',
      [
        "src/commands/tail/x.ts:1: commands/tail may not import commands/inspect/follow.ts: what two commands need stands in no folder",
      ],
    ],
    [
      "the gate from the filter",
      "messages/filter/x.ts",
      'import "../gate/gate.ts";',
      ["src/messages/filter/x.ts:1: messages/filter may not import messages/gate/gate.ts"],
    ],
    ["the demo's tail", "commands/demo.ts", 'import { tail } from "./tail/tail.ts";', []],
    [
      "a room without a row",
      "helpers/x.ts",
      'import "node:fs";',
      ["src/helpers/x.ts:1: helpers is no room; add it to the table"],
    ],
    [
      "process, three ways",
      "commands/x.ts",
      "process.exit(1);\nconst { env } = process;\nglobalThis.process.exit();",
      [1, 2, 3].map((line) => `src/commands/x.ts:${line}: only main.ts may touch process`),
    ],
    [
      "process as a module",
      "commands/x.ts",
      'import { env } from "node:process";',
      ["src/commands/x.ts:1: imports node:process: only main.ts may touch process"],
    ],
    [
      "an opcode and a layout outside of their room",
      "rows/x.ts",
      "if ((record.info & 0x70) === 0x20) {}\nif (opcode === 0x10) {}\nrecord.view.getUint32(record.mainStart + 4, true);",
      [1, 2, 3].map(
        (line) =>
          `src/rows/x.ts:${line}: src/postgres/records knows opcodes, flags and layouts: ask it`,
      ),
    ],
    ["an opcode in its room", "postgres/records/x.ts", "const operation = info & 0x70;", []],
    [
      "oids of types outside of their room",
      "render/x.ts",
      "const NUMBERS = new Set([20, 21, 23]);\nif (column.typeOid === 25) {}\ncase 1700: // numeric",
      [1, 2, 3].map(
        (line) =>
          `src/render/x.ts:${line}: src/postgres/types knows the oids of types: ask for the family`,
      ),
    ],
    [
      "a printer as a parser",
      "rows/x.ts",
      "class EndSink implements DetailSink {",
      ["src/rows/x.ts:1: a DetailSink prints: ask src/postgres/records for what a record says"],
    ],
    [
      "another list of ends",
      "server/stream/x.ts",
      'case "commit_prepared":',
      ["src/server/stream/x.ts:1: boundaryOf() says what a message begins and ends: ask it"],
    ],
    [
      "two ways to say nothing",
      "rows/x.ts",
      "let row: Row | null | undefined;",
      [
        "src/rows/x.ts:1: null and undefined say nothing of what is not known: Known has NONE and UNKNOWN",
      ],
    ],
    [
      "only words",
      "render/x.ts",
      '// import "pg";\n/** The process. */\nconst text = "process.exit(1)"; // see process.exit',
      [],
    ],
  ];

  for (const [story, path, source, found] of BAD) {
    it(`sees ${story}`, () => {
      const files = new Map([
        ["cli.ts", 'await import("./commands/tail/tail.ts"); await import("./commands/demo.ts");'],
        ["assert.ts", ""],
        ["commands/tail/tail.ts", ""],
        ["commands/demo.ts", ""],
        ["commands/inspect/follow.ts", ""],
        ["messages/gate/gate.ts", ""],
        ["postgres/messages/tags.ts", ""],
        ["server/delivery/frame.ts", ""],
        ["server/query/sql.ts", ""],
        ["server/stream/session.ts", ""],
        ["server/cellar/x.ts", ""],
      ]);
      assert.deepEqual(violations(files.set(path, source)), found);
    });
  }

  it("sees a cycle", () => {
    const files = new Map([
      ["render/a.ts", 'import { b } from "./b.ts";'],
      ["render/b.ts", 'import type { A } from "./a.ts";'],
    ]);
    const cycle = "src/render/a.ts:1: import cycle render/a.ts → render/b.ts → render/a.ts";
    assert.deepEqual(violations(files), [cycle]);
  });
});
