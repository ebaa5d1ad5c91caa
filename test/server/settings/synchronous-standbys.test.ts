import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  matchingStandbyName,
  parseStandbyNames,
} from "../../../src/server/settings/synchronous-standbys.ts";

describe("synchronous_standby_names", () => {
  const NAMES: ReadonlyArray<readonly [setting: string, names: string[]]> = [
    ["", []],
    ["a", ["a"]],
    ["a, b ,c", ["a", "b", "c"]],
    ["2 (a, b)", ["a", "b"]],
    ["FIRST 1 (a, b)", ["a", "b"]],
    ["any 2(a,b)", ["a", "b"]],
    ["*", ["*"]],
    ["ANY 1 (*)", ["*"]],
    ['"My ""Standby"", 1", b', ['My "Standby", 1', "b"]],
  ];
  for (const [setting, names] of NAMES) {
    it(`'${setting}' names ${names.length}`, () => {
      assert.deepEqual(parseStandbyNames(setting), names);
    });
  }

  it("matches whatever the case, and by *", () => {
    assert.equal(matchingStandbyName("a, WalCtl", "walctl"), "WalCtl");
    assert.equal(matchingStandbyName("FIRST 1 (*)", "walctl"), "*");
    assert.equal(matchingStandbyName("walctl2", "walctl"), undefined);
  });
});
