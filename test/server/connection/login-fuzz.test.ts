import { test } from "node:test";
import { fuzzLogins } from "../../support/wire/login-fuzz.ts";

test("whatever a server sends instead of logging us in is one error, and gets no password", async () => {
  for (const seed of [1, 2, 3]) await fuzzLogins(seed, 100);
});
