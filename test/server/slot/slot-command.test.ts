import assert from "node:assert/strict";
import { test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { psqlCommand, walctlCommand } from "../../../src/server/target/paste.ts";
import { requireSlotName } from "../../../src/server/slot/slot.ts";
import { type SlotRequest, createSlotCommand } from "../../../src/server/slot/creation.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";

const PLAIN: SlotRequest = { name: "s", temporary: false, twoPhase: false, failover: false };

test("a slot is created in the grammar of the server's version", () => {
  const table: ReadonlyArray<readonly [number, Partial<SlotRequest>, string]> = [
    [140023, {}, 'CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput NOEXPORT_SNAPSHOT'],
    [
      140023,
      { temporary: true },
      'CREATE_REPLICATION_SLOT "s" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT',
    ],
    [150000, {}, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'nothing')`],
    [
      170000,
      { twoPhase: true, failover: true },
      `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'nothing', TWO_PHASE true, FAILOVER true)`,
    ],
    [
      180000,
      { name: 'a"b', temporary: true },
      `CREATE_REPLICATION_SLOT "a""b" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')`,
    ],
  ];
  for (const [version, parts, command] of table) {
    assert.equal(createSlotCommand({ ...PLAIN, ...parts }, version), command);
  }
});

test("a slot's name is checked before the server is asked", () => {
  for (const name of ["s", "a_1", "0", "x".repeat(63)]) requireSlotName(name);
  for (const name of ["", "S", "a-b", 'S 1."T;drop"', "x".repeat(64), "é"]) {
    assert.throws(
      () => requireSlotName(name),
      (error) => error instanceof WalctlError && error.exitCode === 2,
      name,
    );
  }
});

test("commands in hints survive the shell", () => {
  const target = resolveTarget(
    { host: "/tmp/a b", port: "1", username: "o'x", dbname: "My DB" },
    {},
  );
  assert.equal(
    walctlCommand(["setup-publication", 'My "Pub"'], target),
    `walctl setup-publication 'My "Pub"' -h '/tmp/a b' -p 1 -U 'o'\\''x' -d 'My DB'`,
  );
  assert.equal(
    psqlCommand(`SELECT '$x' AS "a"`, { ...target, database: "a=b'" }),
    `psql -h '/tmp/a b' -p 1 -U 'o'\\''x' -d 'dbname='\\''a=b\\'\\'''\\''' -c "SELECT '\\$x' AS \\"a\\""`,
  );
});
