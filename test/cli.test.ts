/** The program as a whole: what it says without arguments, its help, its environment, its man page. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { PROGRAM, walctl } from "./support/program/cli.ts";
import { commandNames, helpOf, walctlInside } from "./support/program/inside.ts";
import { findTool } from "./support/tools/tools.ts";

describe("walctl", () => {
  it("without arguments was called wrongly, and shows its help where no data goes", async () => {
    const { status, stdout, stderr } = await walctl([]);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.equal(stderr, (await walctl(["--help"])).stdout);
  });

  it("refuses an empty value of every option and an empty argument, of every command", async () => {
    for (const command of await commandNames()) {
      const options = Array.from(
        (await helpOf(command)).matchAll(/^ {2}(?:-\w, )?(--[a-z-]+) <[a-z]+>/gm),
        ([, long = ""]) => [long, ""],
      );
      for (const words of [...options, [""]]) {
        const { status, stdout, stderr } = await walctlInside([command, ...words]);
        assert.deepEqual([status, stdout], [2, ""], `${command} ${words[0]}: ${stderr}`);
      }
    }
    const { stderr } = await walctlInside(["slots", "-d", ""]);
    assert.equal(
      stderr,
      "walctl: error: the value of --dbname is empty\nHINT: A shell variable that is not set makes it so.\n",
    );
  });

  it("says so where what it prints has no room", { skip: process.platform !== "linux" }, () => {
    const full = openSync("/dev/full", "w");
    try {
      for (const args of [
        ["help"],
        ["help", "tail"],
        ["--help"],
        ["-V"],
        ["schema"],
        ["completion", "bash"],
      ]) {
        const stdio = ["ignore", full, "pipe"] as const;
        const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
          stdio: [...stdio],
        });
        assert.deepEqual(
          [status, stderr.toString()],
          [1, "walctl: error: could not write the output: no space left on the device\n"],
          args.join(" "),
        );
      }
    } finally {
      closeSync(full);
    }
  });

  it("has examples for every command, which name only flags that the command has", async () => {
    const names = await commandNames();
    assert.ok(names.length > 9);
    for (const name of names) {
      const [options = "", examples] = (await helpOf(name)).split("\nExamples:\n");
      assert.ok(examples !== undefined, `${name} has examples`);
      const lines = examples.split("\n").filter((line) => line.includes(`walctl ${name}`));
      assert.ok(lines.length > 0, `${name} in its examples`);
      for (const line of lines) {
        // Up to the next program, without what is quoted.
        const [, own = ""] = line.replaceAll(/"[^"]*"|'[^']*'/g, "").split(`walctl ${name}`);
        const flags = own.split("|")[0]?.match(/ -{1,2}[a-zA-Z][\w-]*/g) ?? [];
        for (const flag of flags) {
          assert.match(options, new RegExp(`^ .*${flag}[ ,\n]`, "m"), `${name}:${flag}`);
        }
      }
    }
  });

  it("has help that fits 80 columns", async () => {
    for (const help of [
      await helpOf(),
      ...(await Promise.all((await commandNames()).map((name) => helpOf(name)))),
    ]) {
      const long = help.split("\n").filter((line) => line.length > 80);
      assert.deepEqual(long, []);
    }
  });

  it("says how the command is called to whom leaves something out", async () => {
    const { status, stderr } = await walctl(["advance-slot", "s"]);
    assert.equal(status, 2);
    assert.match(stderr, /^HINT: Usage: walctl advance-slot \[options\] <name> <lsn>; see /m);
    assert.match((await walctl(["-x"])).stderr, /^HINT: See walctl --help/m);
  });

  it("help, -h alone and -v are what they are elsewhere", async () => {
    const ends = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await walctlInside(args);
      assert.deepEqual([status, stderr], [0, ""], args.join(" "));
      return stdout;
    };
    const help = (await walctl(["--help"])).stdout;
    assert.equal(await ends("--help"), help);
    assert.equal(await ends("help"), help);
    assert.equal(await ends("-h"), help);
    assert.equal(await ends("-v"), await ends("--version"));
    for (const name of await commandNames()) {
      assert.equal(await ends("help", name), await ends(name, "--help"));
    }
    assert.equal(await ends("slots", "-h"), await ends("slots", "--help"));
    const unknown = await walctlInside(["help", "tial"]);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /^walctl: error: there is no command "tial"\nHINT: /);
  });

  it("takes no password on the command line, and does not repeat it", async () => {
    for (const args of [["-Wsecret"], ["--password=secret"], ["--password", "secret"]]) {
      const { status, stdout, stderr } = await walctlInside(["slots", ...args]);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.doesNotMatch(stderr, /secret|ecret/);
    }
  });

  it("keeps what is not for people out of the help", async () => {
    assert.ok(!(await helpOf()).includes("__"));
  });

  it("suggests the command or the option that was meant", async () => {
    const hint = async (...args: string[]): Promise<string> => (await walctlInside(args)).stderr;
    assert.match(await hint("tial"), /^HINT: Did you mean tail\?$/m);
    assert.match(await hint("slots", "--wtach"), /^HINT: Did you mean --watch\?$/m);
  });

  it("names the options that a word without one may belong to, and guesses none", async () => {
    const hint = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await walctlInside(args);
      assert.equal(status, 2);
      return /^HINT: (.*)$/m.exec(stderr)?.[1] ?? "";
    };
    const places = (word: string): string =>
      `a database is -d ${word}, a slot is -S ${word}, a publication is -P ${word}, a table is --only-table ${word}.`;
    assert.equal(await hint("tail", "shop"), places("shop").replace("a", "A"));
    assert.equal(
      await hint("tail", "x/changes.bin"),
      `A file to write is -o x/changes.bin, and walctl decode-file x/changes.bin reads one; ${places("x/changes.bin")}`,
    );
    assert.equal(
      await hint("slots", "shop_slot"),
      "walctl slots shows all slots; a database is -d shop_slot.",
    );
    assert.equal(
      await hint("doctor", "s"),
      "A database is -d s, a slot is -S s, a publication is -P s.",
    );
    assert.equal(
      await hint("setup-publication", "p", "orders"),
      "A database is -d orders, a table is -t orders.",
    );
    assert.equal(
      await hint("catalog", "/var/lib/pg"),
      "A data directory is --data-dir /var/lib/pg.",
    );
    assert.equal(
      await hint("catalog", "data"),
      "A database is -d data, a data directory is --data-dir data.",
    );
    assert.match(
      (await walctl(["catalog", "data"])).stderr,
      /^walctl: error: catalog takes options only, and no argument\n/,
    );
    assert.equal(await hint("drop-slot", "a", "b"), "A database is -d b.");
    assert.equal(await hint("tail", "postgres://h/x"), "A database is -d postgres://h/x.");
    assert.match(await hint("tail", "$(rm x)"), /^Usage: /);
    assert.match(await hint("tail", "-W", "secret"), /^Usage: /);
    assert.equal(
      await hint("tail", "dbname=shop password=secret"),
      "A connection string follows -d.",
    );
  });

  it("A user of pg_recvlogical learns what tail has in place of its options.", async () => {
    const said = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await walctlInside(args);
      assert.equal(status, 2);
      return stderr;
    };
    const ofPgoutput = ["proto_version=1", "publication_names=p", "binary=1", "messages=1"];
    for (const option of [...ofPgoutput, "streaming=on", "two_phase=1", "origin=none"]) {
      const [name = ""] = option.split("=");
      assert.ok(
        (await said("tail", "-o", option)).startsWith(
          `walctl: error: --output takes a file, not the option ${name} of pgoutput\nHINT: `,
        ),
      );
    }
    assert.match(await said("tail", "-o", "publication_names=p"), /^HINT: -P NAME/m);
    for (const command of ["tail", "catalog"])
      assert.equal(
        await said(command, "-o", "a", "-o", "b"),
        "walctl: error: --output takes one file, and is given twice\n",
      );
    assert.match(await said("tail", "--start"), /^HINT: tail starts by itself: leave it out/m);
    assert.match(
      await said("tail", "--sequences"),
      /unknown option '--sequences'\nHINT: pgoutput sends no sequences\. .*decode-file --catalog FILE --sequences$/m,
    );
    assert.match(await said("tail", "--drop-slot"), /^HINT: .*walctl drop-slot NAME$/m);
  });

  it("A name that is an argument is asked for where an option was given.", async () => {
    for (const args of [
      ["create-slot", "--slot", "x"],
      ["drop-slot", "-S", "x"],
      ["drop-publication", "--publication=x"],
    ]) {
      const { status, stderr } = await walctlInside(args);
      assert.equal(status, 2);
      assert.ok(
        stderr.endsWith(`\nHINT: The name is an argument: walctl ${args[0]} NAME\n`),
        stderr,
      );
    }
    assert.match(
      (await walctlInside(["list-slots"])).stderr,
      /^HINT: Did you mean walctl slots\?$/m,
    );
  });

  it("A time given for a position is sent to the option that takes it.", async () => {
    const hint = async (...args: string[]): Promise<string> =>
      /^HINT: (.*)$/m.exec((await walctlInside(args)).stderr)?.[1] ?? "";
    assert.equal(await hint("tail", "-E", "yesterday"), "A time is --until yesterday");
    assert.equal(await hint("tail", "-I", "1 hour ago"), "A time is --since '1 hour ago'");
    assert.equal(await hint("tail", "-E", "x"), "");
    assert.match(await hint("tail", "--until", "x"), /A zone is Z, UTC or an offset such as \+02/);
  });

  it("--row with = behind the table is an error.", async () => {
    for (const row of ["orders=42", "orders =42", "public.orders=42"]) {
      const { status, stderr } = await walctlInside(["tail", "-P", "p", "--row", row]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^HINT: Such as --row 'orders 42'/m);
    }
  });

  it("knows likely words", async () => {
    const { LIKELY_COMMANDS, LIKELY_OPTIONS } = await import("../src/cli/likely-words.ts");
    const hint = async (...args: string[]): Promise<string> => (await walctlInside(args)).stderr;
    assert.match(await hint("stream"), /^HINT: Did you mean walctl tail\?$/m);
    assert.match(await hint("tail", "--db=shop"), /^HINT: Did you mean --dbname\?/m);
    assert.match(await hint("inspect", "--start", "x"), /^HINT: Did you mean --startpos\?/m);
    const names = new Set([...(await commandNames()), "--version"]);
    for (const [word, command] of Object.entries(LIKELY_COMMANDS)) {
      assert.ok(names.has(command.split(" ")[0] ?? ""), `${word}: ${command}`);
      assert.ok(!names.has(word), word);
    }
    const all = await Promise.all(
      [...names].filter((name) => name !== "--version").map((name) => helpOf(name)),
    );
    for (const options of Object.values(LIKELY_OPTIONS)) {
      for (const option of options)
        assert.ok(
          all.some((text) => text.includes(`${option} `)),
          option,
        );
    }
  });

  it("takes what people type by intuition", async () => {
    const capture = "fixtures/captures/pg18-orders.hex";
    const printed = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await walctlInside(args);
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const lines = await printed("decode-file", capture, "-F", "ndjson");
    for (const args of [
      ["decode-file", capture, "--json"],
      ["decode-file", capture, "-F", "json"],
      ["decode-file", capture, "--format=jsonl"],
      ["-F", "ndjson", "decode-file", capture],
      ["--format", "ndjson", "--only-table", "*", "decode-file", capture],
    ]) {
      assert.equal(await printed(...args), lines, args.join(" "));
    }
    assert.match(await printed("tail", "--help"), /--row[^]*--help --all shows all \d+ options/);
    assert.match(await printed("tail", "--help", "--all"), /--streaming[^]*old ⇢ new/);
    assert.equal(await printed("help", "tail", "--all"), await printed("tail", "--help", "--all"));
  });
});

describe("the environment", () => {
  it("sets options, and the command line comes first", async () => {
    const env = { WALCTL_FORMAT: "table" };
    const capture = ["decode-file", "fixtures/captures/pg18-orders.hex"];
    const table = await walctl(capture, { env });
    assert.match(table.stdout, /[─│]/);
    const ndjson = await walctl([...capture, "-F", "ndjson"], { env });
    assert.match(ndjson.stdout, /^\{"kind":/);
  });

  it("has no say where a command does not know its format; the flag is refused", async () => {
    for (const format of ["wal2json", "debezium"]) {
      const env = { WALCTL_FORMAT: format };
      const other = await walctl(["slots", "-h", "/nowhere"], { env });
      assert.equal(other.status, 1);
      assert.match(other.stderr, /error: could not connect/);
      const flag = await walctl(["slots", "-h", "/nowhere", "-F", format], { env });
      assert.equal(flag.status, 2);
      const capture = ["decode-file", "fixtures/wal2json/pg17.walctl"];
      const { stdout } = await walctl(capture, { env });
      assert.match(stdout, format === "wal2json" ? /^\{"action":"B"\}/ : /^\{"before":/);
    }
  });

  it("yields to a flag that allows one format only", async () => {
    const { status, stderr } = await walctl(["tail", "-P", "p", "-o", "/dev/null", "-F", "table"]);
    assert.equal(status, 2);
    assert.match(stderr, /--output takes NDJSON only/);
    for (const format of ["table", "wal2json", "debezium"]) {
      const toFile = ["tail", "-h", "/nowhere", "-P", "p", "-o", "/dev/null"];
      const written = await walctl(toFile, { env: { WALCTL_FORMAT: format } });
      assert.match(written.stderr, /error: could not connect/, format);
    }
    const capture = ["decode-file", "fixtures/wal2json/pg17.walctl", "-F", "wal2json"];
    const decoded = await walctl(capture, { env: { WALCTL_VALUES: "text" } });
    assert.equal(decoded.status, 0, decoded.stderr);
    const refused = await walctl([...capture, "--values", "text"]);
    assert.equal(refused.status, 2);
    const env = { WALCTL_STREAMING: "on" };
    const streamed = await walctl(["tail", "-h", "/nowhere", "-F", "debezium"], { env });
    assert.match(streamed.stderr, /error: could not connect/);
  });

  it("is named in errors", async () => {
    const env = { WALCTL_FORMAT: "xml" };
    const { status, stderr } = await walctl(["slots"], { env });
    assert.equal(status, 2);
    assert.match(stderr, /WALCTL_FORMAT/);
  });

  it("gives every setting a variable of its name", async () => {
    for (const name of await commandNames()) {
      const help = (await helpOf(name)).replaceAll(/\n {10,}/g, " ");
      for (const [, option = "", variable] of help.matchAll(/--([\w-]+) [<[].*env: (\w+)/g)) {
        assert.equal(variable, `WALCTL_${option.toUpperCase().replaceAll("-", "_")}`);
      }
    }
  });
});

describe("the man page", () => {
  it("has every command, option and variable", async () => {
    const { status, stdout } = await walctlInside(["__man"]);
    assert.equal(status, 0);
    const page = stdout.replaceAll("\\-", "-");
    for (const name of await commandNames()) {
      assert.match(page, new RegExp(`^\\.SS ${name}\\b`, "m"));
      const help = await helpOf(name);
      for (const [, option] of help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)) {
        assert.ok(page.includes(`\\fB${option}\\fR`), `${name} ${option}`);
      }
      for (const [, variable = ""] of help.matchAll(/(WALCTL_\w+)/g)) {
        assert.ok(page.includes(`.B ${variable}\n`), variable);
      }
    }
  });

  it("says which commands have which formats", async () => {
    const { stdout } = await walctlInside(["__man"]);
    const options = stdout.replaceAll("\\-", "-").split("\n.SH OUTPUT OPTIONS\n")[1] ?? "";
    assert.match(
      options,
      /; wal2json, debezium and sql only for tail, decode-file, demo; one of auto, table, ndjson, wal2json, debezium, sql /,
    );
  });

  it(
    "is one that man has nothing to say about",
    { skip: findTool("man") === undefined },
    async () => {
      const { stdout } = await walctl(["__man"]);
      const child = promisify(execFile)("man", ["--warnings", "-l", "-"], {
        env: { ...process.env, MANWIDTH: "80", LC_ALL: "C.UTF-8" },
      });
      child.child.stdin?.end(stdout);
      const shown = await child;
      assert.equal(shown.stderr, "");
      assert.match(shown.stdout, /^EXIT STATUS$/m);
    },
  );
});
