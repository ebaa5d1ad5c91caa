/** walctl catalog --data-dir: what it refuses, and which damage it names. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { readCatalog } from "../../../src/catalog/read.ts";
import { checksumAfter } from "../../../src/postgres/pages/crc32c.ts";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

async function read(text: string | Uint8Array): Promise<CatalogFile> {
  return await readCatalog([Buffer.from(text)], "test");
}

describe("walctl catalog, of a data directory", () => {
  let server: TestServer;
  let folder: string;
  let data: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-catalog-"));
    server = await startServer({ version: 18 });
    await server.stop();
    data = join(folder, "data");
    cpSync(join(server.host, "data"), data, { recursive: true });
    await server.start();
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  async function refusal(status: number, ...args: string[]): Promise<string> {
    const result = await walctl(["catalog", ...args]);
    assert.equal(result.status, status, result.stderr);
    assert.equal(result.stdout, "");
    return result.stderr;
  }

  test("a database that is not there: those that are", async () => {
    const said = await refusal(2, "--data-dir", data, "-d", "shop");
    assert.match(said, /error: there is no database "shop" in ".*data"\n/);
    assert.match(said, /HINT: It has "postgres", "template0", "template1"\.\n$/);
  });

  test("a server that runs, and one that crashed", async () => {
    const running = await refusal(2, "--data-dir", join(server.host, "data"), "-d", "postgres");
    assert.match(running, /the cluster was not shut down: ".*" says "in production"\n/);
    assert.match(
      running,
      /HINT: Start and stop it, or take the catalogue from the running server\.\n$/,
    );
  });

  test("options that do not fit", async () => {
    assert.match(await refusal(2, "--data-dir", data), /takes the name of a database: -d NAME/);
    const uri = ["--data-dir", data, "-d", "postgresql:///shop"];
    assert.match(await refusal(2, ...uri), /takes the name of a database: -d NAME/);
    const host = ["--data-dir", data, "-d", "postgres", "-h", "localhost"];
    assert.match(await refusal(2, ...host), /-h, -p and -U have nothing to connect to/);
  });

  test("what is no data directory", async () => {
    const said = await refusal(2, "--data-dir", folder, "-d", "postgres");
    assert.match(said, /".*" is no data directory: it has no global\/pg_control\n/);
  });

  const DAMAGED: ReadonlyArray<readonly [what: string, file: string, at: number, said: RegExp]> = [
    ["pg_control", "global/pg_control", 60, /pg_control" is damaged: its checksum does not match/],
    ["the map", "base/5/pg_filenode.map", 9, /pg_filenode\.map" is damaged: its checksum/],
    [
      "a page",
      "base/5/1247",
      8192 + 18,
      /base\/5\/1247" is damaged: the checksum of block 1 does not match/,
    ],
  ];
  for (const [what, file, at, said] of DAMAGED) {
    test(`${what} that is damaged`, async () => {
      const path = join(data, file);
      copyFileSync(path, join(folder, "kept"));
      const bytes = readFileSync(path);
      bytes[at]! ^= 0xff;
      writeFileSync(path, bytes);
      assert.match(await refusal(1, "--data-dir", data, "-d", "postgres"), said);
      copyFileSync(join(folder, "kept"), path);
    });
  }

  test("tables of several files, as those above 1 GiB are", async () => {
    const args = ["--data-dir", data, "-d", "postgres", "-q"];
    const whole = await read((await walctl(["catalog", ...args])).stdout);
    const split = join(folder, "split");
    cpSync(data, split, { recursive: true });
    const control = readFileSync(join(split, "global/pg_control"));
    // RELSEG_SIZE, and the checksum of 18.
    control.writeUInt32LE(2, 220);
    control.writeInt32LE(~checksumAfter(-1, control, 0, 292), 292);
    writeFileSync(join(split, "global/pg_control"), control);
    for (const part of ["global", "base/5"]) {
      for (const name of readdirSync(join(split, part)).filter((each) => /^\d+$/.test(each))) {
        const bytes = readFileSync(join(split, part, name));
        for (let at = 0, number = 0; at < bytes.length; at += 16_384, number++) {
          const file = number === 0 ? name : `${name}.${number}`;
          writeFileSync(join(split, part, file), bytes.subarray(at, at + 16_384));
        }
      }
    }
    const { status, stdout, stderr } = await walctl([
      "catalog",
      "--data-dir",
      split,
      ...args.slice(2),
    ]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(await read(stdout), whole);
  });

  test("a file that is cut short or gone", async () => {
    const path = join(data, "base/5/1249");
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, -100));
    const cut = await refusal(1, "--data-dir", data, "-d", "postgres");
    assert.match(cut, /base\/5\/1249" is damaged: its last page is cut short/);
    rmSync(path);
    const gone = await refusal(1, "--data-dir", data, "-d", "postgres");
    assert.match(gone, /could not read ".*base\/5\/1249": no such file/);
    writeFileSync(path, bytes);
    const xact = join(data, "pg_xact");
    const status = readFileSync(join(xact, "0000"));
    rmSync(xact, { recursive: true });
    const unknown = await refusal(1, "--data-dir", data, "-d", "postgres");
    assert.match(unknown, /could not read ".*pg_xact\/0000": no such file/);
    mkdirSync(xact);
    writeFileSync(join(xact, "0000"), status);
  });

  test("a configuration that lies elsewhere is a warning", async () => {
    const conf = join(data, "postgresql.conf");
    rmSync(conf);
    const { status, stdout, stderr } = await walctl([
      "catalog",
      "--data-dir",
      data,
      "-d",
      "postgres",
    ]);
    assert.equal(status, 0);
    assert.match(
      stderr,
      /warning: lc_monetary is not known: ".*" has no configuration that sets it/,
    );
    assert.equal((await read(stdout)).header.lc_monetary, "");
  });
});
