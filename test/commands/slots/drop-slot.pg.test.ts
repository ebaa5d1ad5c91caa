/** `walctl drop-slot` on a real server: what it drops, what it leaves, and what it says of both. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { heldText } from "../../../src/server/slot/slot.ts";
import { SLOT } from "../../server/slot/support.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { pasteCommand } from "../../support/program/paste.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("drop-slot", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`CREATE DATABASE "other's"`);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput', false, true)");
    await server.sql("SELECT pg_create_physical_replication_slot('p', true)");
    await server.sql("CREATE TABLE behind ()");
  });
  after(() => server.dispose());

  const slots = async (): Promise<unknown[]> =>
    (await server.sql("SELECT slot_name FROM pg_replication_slots ORDER BY 1")).map(
      (row) => row["slot_name"],
    );

  test("A slot of another database is refused, with what it holds.", async () => {
    const { status, stderr } = await walctl(["drop-slot", "s", "-d", "other's"], { server });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^walctl: error: slot "s" belongs to database "postgres"\nDETAIL: It retains \d+ \w+ of WAL; its reader \(tail, a subscription or another program\) has confirmed up to 0\/\w+, and not the \d+ \w+ after that\.\nHINT: .* -d postgres\n$/,
    );
    assert.deepEqual(await slots(), ["p", "s"]);
  });

  test("Of a slot whose reader has confirmed everything, that is said.", () => {
    assert.match(
      heldText({ ...SLOT, lag_bytes: 0 }),
      /another program\) has confirmed everything$/,
    );
  });

  test("Of an invalidated slot that is said, and nothing of WAL that dropping it frees.", () => {
    for (const isDropped of [false, true])
      assert.equal(
        heldText({ ...SLOT, wal_status: "lost" }, isDropped),
        "It was invalidated: the server has removed WAL that it needed",
      );
  });

  test("A name that differs by a letter or two is told, and a name that does not is not.", async () => {
    await server.sql("SELECT pg_create_logical_replication_slot('orders_slot', 'pgoutput')");
    await server.sql(
      "CREATE TABLE items (id int PRIMARY KEY); CREATE PUBLICATION orders_pub FOR TABLE items",
    );
    const hint = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await walctl(args, { server });
      assert.equal(status, 1, stderr);
      return stderr;
    };
    for (const args of [["drop-slot"], ["advance-slot"]]) {
      const more = args[0] === "advance-slot" ? ["0/1"] : [];
      assert.match(
        await hint(...args, "order_slot", ...more),
        /HINT: Did you mean "orders_slot"\?\n/,
      );
      assert.doesNotMatch(await hint(...args, "else", ...more), /Did you mean/);
    }
    assert.match(
      await hint("tail", "-S", "order_slot", "-P", "orders_pub"),
      /HINT: Did you mean "orders_slot"\? A new slot begins now/,
    );
    assert.match(
      await hint("tail", "-S", "orders_slot", "-P", "orderspub"),
      /HINT: Did you mean "orders_pub"\?\n$/,
    );
    assert.match(
      await hint("drop-publication", "order_pub"),
      /HINT: Did you mean "orders_pub"\?\n/,
    );
    assert.match(await hint("publications", "orderpub"), /HINT: Did you mean "orders_pub"\? The/);
    const none = await walctl(["publications", "orderpub", "-F", "table"], { server });
    assert.equal(none.stdout, "");
    const { stdout } = await walctl(["doctor", "-S", "order_slot", "-P", "order_pub"], { server });
    assert.match(
      stdout,
      /slot \\"order_slot\\" does not exist\. Did you mean \\"orders_slot\\"\?"/,
    );
    assert.match(stdout, /the database has [^.]*\. Did you mean \\"orders_pub\\"\? To create/);
    assert.match(
      await hint("setup-publication", "x", "-t", "itmes"),
      /HINT: Do you mean -t '"public"\."items"'\?/,
    );
    const news = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
      return stderr;
    };
    assert.match(
      await news("create-slot", "order_slot"),
      /^walctl: slot "orders_slot" exists too\. Did you mean that\? .*\n$/,
    );
    assert.equal(await news("create-slot", "order_slot"), "");
    for (const more of [["--dry-run"], []]) {
      assert.equal(
        await news("setup-publication", "order_pub", "-t", "items", ...more),
        'walctl: publication "orders_pub" exists too. Did you mean that?\n',
      );
    }
    // Those are the next ones.
    assert.equal(await news("create-slot", "orders_slot_2"), "");
    assert.equal(await news("setup-publication", "orders_pub_10", "-t", "items"), "");
    for (const name of ["order_slot", "orders_slot_2"])
      await server.sql(`SELECT pg_drop_replication_slot('${name}')`);
    await server.sql("DROP PUBLICATION order_pub, orders_pub_10");
    await server.sql("DROP PUBLICATION orders_pub; SELECT pg_drop_replication_slot('orders_slot')");
  });

  test("A dry run drops nothing; the drop says what is lost, and how to have another slot.", async () => {
    const dry = await walctl(["drop-slot", "s", "--dry-run"], { server });
    assert.equal(dry.stdout, '{"slot":"s","status":"would_drop"}\n');
    assert.deepEqual(await slots(), ["p", "s"]);
    const { stdout, stderr } = await walctl(["drop-slot", "s"], { server });
    assert.equal(stdout, '{"slot":"s","status":"dropped"}\n');
    const [, another = ""] =
      /^walctl: logical slot "s": It retained .* after that; another one, from now on: (walctl .*)\n$/.exec(
        stderr,
      ) ?? [];
    await pasteCommand(another);
    const [row] = await server.sql(
      "SELECT two_phase FROM pg_replication_slots WHERE slot_name = 's'",
    );
    assert.equal(row?.["two_phase"], true);
  });

  test("A physical slot is its standby's: it is dropped only with --force, from any database.", async () => {
    for (const more of [[], ["--dry-run"]]) {
      const { status, stderr } = await walctl(["drop-slot", "p", ...more], { server });
      assert.equal(status, 1);
      assert.match(
        stderr,
        /^walctl: error: slot "p" is a physical slot: a standby or pg_receivewal needs it\nDETAIL: It retains \d+ \w+ of WAL\. .* has to be rebuilt\.\nHINT: --force drops it, if nobody needs it any more\.\n$/,
      );
    }
    assert.ok((await slots()).includes("p"));
    const args = ["drop-slot", "p", "--force", "-d", "other's"];
    const dry = await walctl([...args, "--dry-run"], { server });
    assert.equal(dry.stdout, '{"slot":"p","status":"would_drop"}\n');
    const { status, stderr } = await walctl(args, { server });
    assert.equal(status, 0);
    assert.match(stderr, /^walctl: physical slot "p": It retained \d+ \w+ of WAL\n$/);
    assert.ok(!(await slots()).includes("p"));
  });

  test("A dry run fails where the drop would: for another role, and while the slot is in use.", async (t) => {
    await server.sql("SELECT pg_create_logical_replication_slot('held', 'pgoutput')");
    await server.sql("CREATE ROLE nobody LOGIN; CREATE PUBLICATION pub");
    const asNobody = ["drop-slot", "held", "-U", "nobody"];
    const inUse = ["drop-slot", "held"];
    const both = async (args: readonly string[]): Promise<void> => {
      const [dry, real] = [
        await walctl([...args, "--dry-run"], { server }),
        await walctl(args, { server }),
      ];
      assert.equal(real.status, 1);
      assert.deepEqual([dry.status, dry.stdout, dry.stderr], [1, "", real.stderr]);
    };
    await both(asNobody);
    const denied = await walctl(asNobody, { server });
    assert.match(
      denied.stderr,
      /SQLSTATE 42501.*\n(DETAIL.*\n)?HINT: .*ALTER ROLE "nobody" REPLICATION/,
    );
    const tail = spawnWalctl(["tail", "-S", "held", "-P", "pub"], { server });
    t.after(() => tail.dispose());
    await tail.waitForStderr("streaming from slot");
    await both(inUse);
    await tail.stop("SIGTERM");
    const { stdout } = await walctl(["drop-slot", "held", "--dry-run"], { server });
    assert.equal(stdout, '{"slot":"held","status":"would_drop"}\n');
    assert.ok((await slots()).includes("held"));
  });
});
