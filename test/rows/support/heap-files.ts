/** The server's own heap files as the oracle of tracked pages. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HeapPage, ItemState } from "../../../src/postgres/tuples/heap-page.ts";
import type { PageStore } from "../../../src/rows/pages/page-store.ts";
import { PAGE_BYTES } from "../../../src/postgres/pages/page.ts";
import type { TestServer } from "../../support/server/server.ts";

interface HeapFile {
  readonly name: string;
  readonly path: string;
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
}

export interface Compared {
  pages: number;
  completePages: number;
  tuples: number;
}

const HEAP_FILES = `
  SELECT c.oid::regclass::text AS name, pg_relation_filepath(c.oid) AS path, pg_relation_filenode(c.oid)::int8::int AS relfilenode,
    CASE reltablespace WHEN 0 THEN dattablespace ELSE reltablespace END::int8::int AS tablespace, d.oid::int8::int AS database
  FROM pg_class c, pg_database d
  WHERE datname = current_database() AND relkind IN ('r', 't', 'm') AND relpersistence = 'p' AND NOT relisshared`;

/** What infomask says of where values lie; the rest is hints and marks of locks. */
const INFOMASK = 0x0007;
const INFOMASK2 = 0x07ff;

/** Every page that is known is, item by item, that of the server's file. The server has written all of them. */
export async function comparePages(server: TestServer, store: PageStore): Promise<Compared> {
  const compared = { pages: 0, completePages: 0, tuples: 0 };
  for (const file of await server.sql<HeapFile>(HEAP_FILES)) {
    const blocks = store.blocksOf(file);
    if (blocks.length === 0) continue;
    const bytes = readFileSync(join(server.host, "data", file.path));
    for (const { block, complete } of blocks) {
      const own = store.pageAt(file, block);
      assert.ok(own, `${file.name} block ${block} cannot be restored`);
      const theirs = bytes.subarray(block * PAGE_BYTES, (block + 1) * PAGE_BYTES);
      assert.equal(theirs.length, PAGE_BYTES, `${file.name} has no block ${block}`);
      comparePage(`${file.name} block ${block}`, own, theirs, complete, compared);
    }
  }
  return compared;
}

function comparePage(
  name: string,
  own: Uint8Array,
  server: Uint8Array,
  complete: boolean,
  compared: Compared,
): void {
  const [ours, theirs] = [new HeapPage(), new HeapPage()];
  assert.ok(ours.attach(own) && theirs.attach(server), name);
  compared.pages++;
  if (complete) compared.completePages++;
  for (let item = 1; item <= Math.max(ours.itemCount, theirs.itemCount); item++) {
    const at = `${name} item ${item}`;
    if (complete) {
      assert.equal(ours.state(item), theirs.state(item), `${at}: state`);
      assert.equal(ours.redirect(item), theirs.redirect(item), `${at}: redirect`);
    }
    if (ours.state(item) !== ItemState.normal) continue;
    const [a, b] = [ours.tuple(item), theirs.tuple(item)];
    assert.ok(a && b, `${at}: the server has no such tuple`);
    compared.tuples++;
    assert.equal(a.infomask2 & INFOMASK2, b.infomask2 & INFOMASK2, `${at}: attributes`);
    assert.equal(a.infomask & INFOMASK, b.infomask & INFOMASK, `${at}: infomask`);
    assert.equal(a.hoff, b.hoff, `${at}: hoff`);
    assert.equal(a.xmin, b.xmin, `${at}: xmin`);
    const [left, right] = [a, b].map(({ bytes, start, end }) =>
      Buffer.from(bytes).subarray(start, end),
    );
    assert.ok(left!.equals(right!), `${at}: bytes`);
  }
}
