import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { textWidth } from "../../src/render/terminal/text-width.ts";
import { walctl } from "../support/program/cli.ts";
import { walctlInside } from "../support/program/inside.ts";
import { matchGolden } from "../support/golden/golden.ts";
import { startServer, type TestServer } from "../support/server/server.ts";
import { openTerminal, type Terminal, WALCTL_COMMAND } from "../support/program/terminal.ts";
import { until } from "../support/tools/until.ts";

const CAPTURE = fileURLToPath(
  new URL("../../../fixtures/captures/pg18-misc-p1.recvlogical", import.meta.url),
);

/** Every transaction is held together by its marks, and no line is too wide. Returns how many there are. */
function countTransactions(text: string, width: number): number {
  let transactions = 0;
  for (const line of text.split("\n")) {
    assert.ok(textWidth(line) <= width, `${textWidth(line)} columns: ${line}`);
    if (/^\d\d:\d\d:\d\d/.test(line)) transactions += 1;
  }
  return transactions;
}

describe("tables in a terminal", () => {
  for (const columns of [80, 200]) {
    it(`decode-file draws what the goldens show, in ${columns} columns`, async () => {
      const command = `${WALCTL_COMMAND} decode-file '${CAPTURE}'`;
      const terminal = await openTerminal(command, { columns, rows: 30 });
      try {
        assert.equal(await terminal.exit(), 0);
        const text = await terminal.text();
        assert.equal(countTransactions(text, columns), 15);
        matchGolden(`fixtures/tables/terminal-decode-file-${columns}.txt`, `${text}\n`);
      } finally {
        await terminal.close();
      }
    });
  }

  for (const flag of [
    ["--expanded"],
    ["--columns", "id"],
    ["--max-width", "3"],
    ["--collapse", "3"],
    ["--time", "local"],
  ]) {
    it(`${flag[0]} is refused where there are no tables`, async () => {
      const { status, stderr } = await walctlInside(["decode-file", CAPTURE, ...flag]);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`error: ${flag[0]} is for tables.*\nHINT: .*--format table`));
    });
  }

  it("--columns takes names as SQL does, and refuses what is none", async () => {
    const run = (names: string): ReturnType<typeof walctl> =>
      walctl(["decode-file", CAPTURE, "-F", "table", "--columns", names]);
    const shown = await run('B, "ünï"');
    assert.match(shown.stdout, / \+ misc 1 {2}b=NULL\n/);
    assert.match(shown.stdout, / 1 {2}ünï=ü\n/);
    for (const wrong of ["", ",", '"a', "a,,b", 'a"b"']) {
      const refused = await walctlInside([
        "decode-file",
        CAPTURE,
        "-F",
        "table",
        "--columns",
        wrong,
      ]);
      assert.equal(refused.status, 2, wrong);
    }
  });

  const table = async (args: string, env: Record<string, string> = {}): Promise<string> => {
    const { stdout, stderr } = await walctl(
      ["decode-file", CAPTURE, "-F", "table", ...args.split(" ")],
      { env },
    );
    assert.equal(stderr, "");
    return stdout;
  };
  const widest = (text: string): number => Math.max(...text.split("\n").map(textWidth));

  it("--width counts before COLUMNS, and COLUMNS in a pipe too", async () => {
    const env = { COLUMNS: "100" };
    for (const [text, width] of [
      [await table("--width 60", env), 60],
      [await table("-F table", env), 100],
      [await table("-F table"), 80],
    ] as const) {
      assert.ok(widest(text) <= width && widest(text) > width * 0.8, text);
    }
    const { status, stderr } = await walctlInside(["decode-file", CAPTURE, "--width", "5"]);
    assert.equal(status, 2);
    assert.match(stderr, /number of columns from 20/);
  });

  it("--time local is the time zone of TZ, relative counts from the first commit", async () => {
    const local = await table("--time local", { TZ: "America/St_Johns" });
    assert.match(local, /^── 2026-11-24 UTC-03:30, schema public ──\n08:16:42 3797 /);
    const berlin = await table("--time local", { TZ: "Europe/Berlin" });
    assert.match(berlin, /^── 2026-11-24 UTC\+01, schema public ──\n12:46:42 3797 /);
    const relative = await table("--time relative");
    assert.match(
      relative,
      /^── times since 2026-11-24 11:46:42\.949114Z, schema public ──\n +\+0\.000s 3797 .*\n.*\n +\+0\.001s 3798 /,
    );
  });

  it("is drawn in ASCII where the locale is not UTF-8", async () => {
    for (const env of [
      { LC_ALL: "C" },
      { LANG: "de_DE.ISO-8859-1" },
      { LC_ALL: "", LC_CTYPE: "POSIX" },
    ]) {
      const text = await table("--only-table public.nokey", env);
      // oxlint-disable-next-line no-control-regex -- what it looks for
      assert.match(text, /^[\u0000-\u007f]+$/);
      assert.match(text, /\n11:46:42 3802 \/ \+ nokey/);
      assert.match(text, / \| b=a -> z\n/);
    }
    for (const env of [{ LC_ALL: "C.UTF-8", LANG: "C" }, { LANG: "en_US.utf8" }, {}]) {
      assert.match(await table("--only-table public.nokey", env), /┌ \+ nokey/);
    }
  });

  describe("tail", () => {
    let server: TestServer;
    before(async () => {
      server = await startServer({ version: 18 });
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, a text, j jsonb)");
      await server.sql("CREATE PUBLICATION p FOR TABLE t");
    });
    after(() => server.dispose());

    async function insert(from: number, count: number): Promise<void> {
      await server.sql(
        `INSERT INTO t SELECT i, 'value ' || i, '{"a": 1}' FROM generate_series(${from}, ${from + count - 1}) i`,
      );
    }

    async function opened(
      args: string,
      columns: number,
      use: (terminal: Terminal) => Promise<void>,
    ): Promise<void> {
      const command = `${WALCTL_COMMAND} tail -P p ${args}`;
      const terminal = await openTerminal(command, { columns, rows: 24, server });
      try {
        await terminal.waitFor("Ctrl-C ends");
        await use(terminal);
      } finally {
        await terminal.close();
      }
    }

    for (const columns of [80, 200]) {
      it(`the status line stays below the tables and leaves nothing in them, in ${columns} columns`, async () => {
        const first = columns * 1000;
        await opened("", columns, async (terminal) => {
          // Long enough for the line to be drawn, and drawn over, between the transactions.
          for (let round = 0; round < 25; round++) {
            await insert(first + round * 3, 3);
            await sleep(100);
          }
          await terminal.waitFor(/^-- at .*rows\/s$/m);
          const running = (await terminal.text()).split("\n");
          assert.match(running.at(-1) ?? "", /^-- at \S+, /, "it is the last line");
          assert.equal(running.filter((line) => line.includes("rows/s")).length, 1);
          await terminal.press("C-c");
          assert.equal(await terminal.exit(), 0);
          const text = await terminal.text();
          assert.doesNotMatch(text, /rows\/s/);
          assert.equal(countTransactions(text, columns), 25);
        });
      });
    }

    it("a resize in the middle leaves nothing of the status line behind", async () => {
      await opened("", 120, async (terminal) => {
        await insert(300_000, 2);
        await terminal.waitFor("rows/s");
        // Narrower than the line: the terminal breaks it in two.
        await terminal.resize(30, 24);
        await insert(300_010, 2);
        await terminal.waitFor("300011");
        await terminal.waitFor(/^-- at/m);
        await terminal.resize(100, 24);
        await insert(300_020, 2);
        await terminal.waitFor("300021");
        await terminal.press("C-c");
        assert.equal(await terminal.exit(), 0);
        const text = await terminal.text();
        assert.doesNotMatch(text, /-- at|behind|rows\/s/);
        assert.match(text, /300000/);
      });
    });

    it("a bulk of 50,000 rows takes fewer than 60 lines, and no row is lost in them", async () => {
      await opened("--streaming off", 80, async (terminal) => {
        await insert(1_500_000, 50_000);
        const text = await terminal.waitFor(/└ 50,000 changes/, 60_000);
        assert.match(text, /… t +\+49,980\n/);
        assert.ok(text.split("\n").length < 60, text);
      });
    });

    it("a burst of 50,000 transactions is drawn in place, and ends in one line a table", async () => {
      await server.sql("CREATE TABLE u (id int PRIMARY KEY)");
      await server.sql("ALTER PUBLICATION p ADD TABLE u");
      await opened("", 80, async (terminal) => {
        await server.sql("SET synchronous_commit = off");
        await server.sql(`DO $$BEGIN FOR i IN 1..25000 LOOP
          INSERT INTO t VALUES (1600000 + i); COMMIT; INSERT INTO u VALUES (i); COMMIT;
        END LOOP; END$$`);
        await terminal.waitFor(/^\S+ +… t +\+[\d,]+ +[\d,]+ rows\/s.*\n.*… u .*\n-- at/m);
        // Once rows are shown again, the counts stay above them.
        await terminal.waitFor(/^-- at .* 0 rows\/s$/m, 60_000);
        await sleep(1500);
        await insert(1_700_000, 1);
        await terminal.waitFor("1700000");
        await terminal.press("C-c");
        assert.equal(await terminal.exit(), 0);
        const text = await terminal.text();
        assert.ok(text.split("\n").length < 60, text);
        const counts = [...text.matchAll(/^\d\d:\d\d:\d\d +… [tu] +\+([\d,]+) /gm)];
        assert.equal(counts.length, 2, text);
        const counted = counts.reduce(
          (sum, [, count = ""]) => sum + Number(count.replace(",", "")),
          0,
        );
        const shown = text.match(/^\d\d:\d\d:\d\d +\d+ +\+ [tu] /gm)?.length ?? 0;
        assert.equal(counted + shown, 50_001, text);
      });
    });

    it("--collapse shows the first rows of a large transaction and counts the rest", async () => {
      await opened("--collapse 2 --streaming off", 80, async (terminal) => {
        await insert(400_000, 300_000);
        await terminal.waitFor(/… t +\+299,998/, 60_000);
        await terminal.press("C-c");
        assert.equal(await terminal.exit(), 0);
        const text = await terminal.text();
        assert.equal(countTransactions(text, 80), 1);
        assert.equal(text.match(/\+ t \d+/g)?.length, 2);
        assert.match(text, /└ 300,000 changes/);
      });
    });

    it("--summary prints totals at the end, and nothing before", async () => {
      await opened("--summary", 80, async (terminal) => {
        await insert(900_000, 7);
        await sleep(500);
        assert.doesNotMatch(await terminal.text(), /[╭┌]/);
        await terminal.press("C-c");
        assert.equal(await terminal.exit(), 0);
        const text = await terminal.text();
        assert.match(text, /│ public\.t +│ +7 │ +0 │ +0 │ +0 │/);
        assert.match(text, /│ xid \d+ +│ \+7 t +│/);
      });
    });

    it("--summary is refused where there is something to acknowledge or a file to go on with", async () => {
      const tail = ["tail", "-P", "p", "--summary"];
      for (const args of [
        ["-S", "s", "--ack"],
        ["-o", "/dev/null"],
      ]) {
        const { status, stderr } = await walctlInside([...tail, ...args], { server });
        assert.equal(status, 2, stderr);
      }
    });

    it("there is no status line where a pipe may lead back to the terminal", async () => {
      const command = `${WALCTL_COMMAND} tail -P p | cat`;
      const env = { PGAPPNAME: "piped" };
      const terminal = await openTerminal(command, { columns: 80, rows: 24, server, env });
      const streaming =
        "SELECT FROM pg_stat_replication WHERE application_name = 'piped' AND state = 'streaming'";
      try {
        await until(async () => (await server.sql(streaming)).length > 0, 50);
        await insert(950_000, 1);
        await terminal.waitFor('"id":950000');
        await sleep(1200);
        assert.doesNotMatch(await terminal.text(), /rows\/s/);
      } finally {
        await terminal.close();
      }
    });
  });
});
