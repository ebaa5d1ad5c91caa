/** What is advised about full-page images: the command works on each version, and what it chooses is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WalVersion } from "../../../src/postgres/pages/versions.ts";
import { type Finding, findingsOf } from "../../../src/render/wal/findings.ts";
import type { WalStatistics } from "../../../src/wal/statistics.ts";

/** Of WAL of nothing but images of pages. */
function imagesOf(version: WalVersion, compressed: boolean): Finding | undefined {
  const statistics = {
    version,
    total: 8000,
    images: 1,
    compressedImages: compressed ? 1 : 0,
    checkpoints: { online: 0, first: undefined, last: undefined },
    freezingBytes: 0,
    messages: new Map<string, number>(),
    types: () => [{ id: 0, records: 1, recordBytes: 0, imageBytes: 8000 }],
    relations: () => [],
  };
  const names = { nameOf: () => undefined } as unknown as Parameters<typeof findingsOf>[1];
  const findings = findingsOf(statistics as unknown as WalStatistics, names, []);
  return findings.find(({ finding }) => finding === "full_page_images");
}

const WORDS: ReadonlyArray<readonly [WalVersion, RegExp]> = [
  [14, /100\.0% of the WAL$/],
  [15, /of the WAL; wal_compression = on is pglz; lz4 .* zstd .* built with them$/],
  [18, /of the WAL; wal_compression = on is pglz; /],
  [
    19,
    /of the WAL; wal_compression = on is the first of zstd, lz4 and pglz that the server was built with$/,
  ],
];

for (const [version, words] of WORDS) {
  test(`images in WAL of PostgreSQL ${version}`, () => {
    const found = imagesOf(version, false);
    assert.match(found?.message ?? "", words);
    assert.equal(
      found?.fix,
      "ALTER SYSTEM SET wal_compression = on; SELECT pg_catalog.pg_reload_conf();",
    );
    const smaller = imagesOf(version, true);
    assert.match(smaller?.message ?? "", /, compressed$/);
    assert.equal(smaller?.fix, null);
  });
}
