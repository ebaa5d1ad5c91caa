import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PairMap } from "../../../src/rows/pages/pair-map.ts";
import { seededRandom } from "../../support/tools/random.ts";

describe("numbers by pairs", () => {
  it("are those of a Map, whatever is set and deleted", () => {
    const random = seededRandom(24);
    const number = (below: number): number => Math.floor(random() * below);
    const pairs = new PairMap();
    const map = new Map<string, number>();
    for (let step = 0; step < 100_000; step++) {
      const [a, b] = [0xffff_fff0 + number(16), number(3000)];
      const value = 1 + number(0xffff_fffe);
      if (number(3) === 0) {
        pairs.delete(a, b);
        map.delete(`${a} ${b}`);
      } else {
        pairs.set(a, b, value);
        map.set(`${a} ${b}`, value);
      }
      const asked = [0xffff_fff0 + number(16), number(3000)] as const;
      assert.equal(pairs.get(...asked), map.get(asked.join(" ")) ?? 0);
    }
    const all: string[] = [];
    pairs.forEach((a, b, value) => all.push(`${a} ${b}: ${value}`));
    const expected = Array.from(map, ([key, value]) => `${key}: ${value}`);
    assert.deepEqual(all.toSorted(), expected.toSorted());
    assert.equal(pairs.size, map.size);
  });
});
