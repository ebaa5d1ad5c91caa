/** The password prompt in a real terminal: asked for as psql does, never shown, and the terminal is as before. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { type Terminal, WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const QUESTION = "Password for user locked:";
const SECRET = "s3cr€t word";

describe("a password that is asked for", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`CREATE ROLE locked LOGIN PASSWORD '${SECRET}'`);
    const [row] = await server.sql<{ hba_file: string }>("SHOW hba_file");
    const file = row?.hba_file ?? "";
    await writeFile(file, `local all locked scram-sha-256\n${await readFile(file, "utf8")}`);
    await server.sql("SELECT pg_reload_conf()");
  });
  after(() => server.dispose());

  /** In a shell, which shows afterwards whether the terminal echoes. */
  async function inTerminal(
    args: string,
    body: (terminal: Terminal) => Promise<void>,
  ): Promise<void> {
    const line = `${WALCTL_COMMAND} ${args} -U locked & echo pid=$!; wait $!; echo status=$?; stty -a | tr ' ' '\\n' | grep -x -- '-\\?echo'; read -r _`;
    const env = { PGPASSFILE: "/nonexistent" };
    const terminal = await openTerminal(
      `bash -c "${line.replaceAll('"', '\\"').replaceAll("$", "\\$")}"`,
      { columns: 100, rows: 24, server, env },
    );
    try {
      await body(terminal);
    } finally {
      await terminal.close();
    }
  }

  const answer = async (terminal: Terminal, text: string): Promise<void> => {
    await terminal.waitFor(QUESTION);
    await terminal.press("-l", text);
    await terminal.press("Enter");
  };

  const ended = async (terminal: Terminal, status: number): Promise<string> => {
    const text = await terminal.waitFor(/^-?echo$/m);
    assert.match(text, new RegExp(`status=${status}\n`), text);
    assert.match(text, /^echo$/m, "the terminal echoes again");
    assert.ok(!text.includes("s3cr"), text);
    return text;
  };

  test("where a server wants one, once, with what is typed corrected", async () => {
    await inTerminal("slots", async (terminal) => {
      await terminal.waitFor(QUESTION);
      await terminal.press("-l", `wrong`);
      await terminal.press("C-u");
      await terminal.press("-l", `${SECRET}x`);
      await terminal.press("BSpace");
      await terminal.press("Enter");
      const text = await ended(terminal, 0);
      assert.match(text, /The server has no slots/);
      assert.equal(text.split(QUESTION).length, 2);
    });
  });

  test("doctor connects several times, and asks once", async () => {
    await inTerminal("doctor", async (terminal) => {
      await answer(terminal, SECRET);
      const text = await ended(terminal, 1);
      assert.equal(text.split(QUESTION).length, 2);
    });
  });

  test("a wrong one is an error, as in psql", async () => {
    await inTerminal("slots", async (terminal) => {
      await answer(terminal, "s3crwrong");
      const text = await ended(terminal, 1);
      assert.match(text, /SQLSTATE 28P01/);
      assert.match(text, /What was typed is not the password of "locked"/);
      // A warning before the question names the PGPASSFILE that is not there; the error does not.
      const [asking = "", answered = ""] = text.split(QUESTION);
      assert.match(asking, /warning: password file "\/nonexistent" cannot be read/);
      assert.doesNotMatch(answered, /pgpass|nonexistent/);
    });
  });

  test("Ctrl-C leaves the question, and the terminal as it was", async () => {
    await inTerminal("slots", async (terminal) => {
      await terminal.waitFor(QUESTION);
      await terminal.press("-l", "s3cr");
      await terminal.press("C-c");
      await ended(terminal, 1);
    });
  });

  test("Ctrl-C at doctor's question is no finding", async () => {
    await inTerminal("doctor", async (terminal) => {
      await terminal.waitFor(QUESTION);
      await terminal.press("C-c");
      const text = await ended(terminal, 1);
      assert.match(text, /walctl: error: interrupted/);
      assert.doesNotMatch(text, /FAIL|checks/);
    });
  });

  test("SIGINT and SIGTERM from elsewhere too", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await inTerminal("slots", async (terminal) => {
        const text = await terminal.waitFor(QUESTION);
        process.kill(Number(/pid=(\d+)/.exec(text)?.[1]), signal);
        await ended(terminal, 1);
      });
    }
  });

  test("-W asks first, although none is wanted, and --no-password never does", async () => {
    const { status, stderr } = await walctl(["slots", "-U", "locked"], { server });
    assert.equal(status, 1);
    assert.match(stderr, /asks for a password, and none is given/);
    await inTerminal("slots --no-password", async (terminal) => {
      // How long the socket's folder is decides where the line breaks.
      assert.match(
        await ended(terminal, 1),
        /asks\s+for\s+a\s+password,\s+and\s+none\s+is\s+given/,
      );
    });
    await inTerminal("slots -W -F ndjson -d postgres -q", async (terminal) => {
      await answer(terminal, SECRET);
      await ended(terminal, 0);
    });
  });
});
