import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { CommandContext } from "./commands/context.ts";
import { ExitCode, WalctlError, usageError } from "./errors.ts";
import { renderError } from "./render/diagnostics.ts";

/** What every command module gives: raw flags and operands in, the exit status out. */
type Action = (...args: never[]) => Promise<ExitCode>;

/** Runs the command line and returns the exit status. Every error ends here as a message on standard error. */
export async function run(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  let status: ExitCode = ExitCode.done;
  const program = createProgram(context, (code) => {
    status = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    const known = error instanceof CommanderError ? usageErrorOf(error) : error;
    if (known === undefined) return ExitCode.done;
    context.stderr.stream.write(renderError(known, context.env["WALCTL_DEBUG"] !== undefined));
    return known instanceof WalctlError ? known.exitCode : ExitCode.failed;
  }
}

/** Undefined: no error, but the end of --help or --version. */
function usageErrorOf(error: CommanderError): WalctlError | undefined {
  if (error.exitCode === 0) return undefined;
  const [what = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const meant = suggestion === undefined ? undefined : /Did you mean (.*)\?/.exec(suggestion)?.[1];
  return usageError(
    what.replace(/\.$/, ""),
    meant === undefined ? "See walctl --help, or walctl COMMAND --help." : `Did you mean ${meant}?`,
  );
}

function createProgram(context: CommandContext, done: (code: ExitCode) => void): Command {
  const program = new Command("walctl")
    .description("Inspects and tails PostgreSQL's write-ahead log through logical decoding.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.stream.write(text),
      writeErr: (text) => void context.stderr.stream.write(text),
      // Errors are printed once, in one form, by run().
      outputError: () => {},
      getOutHelpWidth: () => context.stdout.width() ?? 80,
    })
    .addHelpText(
      "after",
      "\nNo server at hand? `walctl demo` shows the whole thing on a PostgreSQL of its own.",
    );

  /** Loads the command's module only when it is the one to run: start-up is most of what a short run costs. */
  const action =
    (load: () => Promise<Action>) =>
    async (...args: unknown[]): Promise<void> => {
      // commander gives the operands, the options, the command.
      const command = (await load()) as unknown as (...given: unknown[]) => Promise<ExitCode>;
      done(await command(...args.slice(0, -1), context));
    };

  const setup = program
    .command("setup-publication")
    .description("create a publication, or bring it to the asked state")
    .argument("<name>", "the publication's name, as it is (no quotes needed)");
  publicationOptions(setup)
    .option("--publish <operations>", "a list of insert, update, delete, truncate")
    .option("--via-partition-root", "publish changes of partitions as changes of their root")
    .addOption(
      new Option(
        "--generated-columns <which>",
        "publish generated columns (PostgreSQL 18)",
      ).choices(["none", "stored"]),
    )
    .option("--sync", "alter a publication that differs to the asked state")
    .addOption(
      new Option(
        "--replica-identity <identity>",
        "mend tables whose updates would be rejected",
      ).choices(["full"]),
    )
    .option("--dry-run", "print the SQL, change nothing");
  connectionOptions(outputOptions(setup)).action(
    action(async () => (await import("./commands/setup-publication.ts")).setupPublication),
  );

  const createSlot = program
    .command("create-slot")
    .description("create a logical replication slot (plugin pgoutput)")
    .argument("<name>", "the slot's name: lower-case letters, digits and underscores")
    .option("--two-phase", "decode prepared transactions at PREPARE (PostgreSQL 15)")
    .option("--failover", "synchronise the slot to standbys (PostgreSQL 17)")
    .option("--lock-timeout <seconds>", "how long to wait for running transactions", "10");
  connectionOptions(outputOptions(createSlot)).action(
    action(async () => (await import("./commands/create-slot.ts")).createSlot),
  );

  const tail = program
    .command("tail")
    .description("stream decoded messages")
    .option("-S, --slot <name>", "the slot (default: a temporary one, from now on)")
    .option("-P, --publication <name>", "a publication; may be repeated", collect)
    .option("--bootstrap", "create the publication and the slot where they are missing");
  publicationOptions(tail)
    .option("--ack", "advance the slot past what has been written out (default: never)")
    .option("--ack-from <path>", "advance it only to the end_lsns that the consumer writes there")
    .option("-I, --startpos <lsn>", "start there (default: where the slot stands)")
    .option("-E, --endpos <lsn>", "exit once all that committed up to there is out; or now")
    .option("-n, --limit <count>", "exit after so many row changes")
    .option("--only <kinds>", "print only messages of these kinds")
    .option("--only-table <pattern>", "print only these tables (* and ?); may be repeated", collect)
    .option("-o, --output <file>", "append to the file, which is synced before acknowledging")
    .option("--capture <file>", "also write what is received to the file, for decode-file")
    .option("-s, --status-interval <seconds>", "feedback to the server at least this often", "10")
    .addOption(
      new Option("--streaming <mode>", "send large transactions before they commit")
        .choices(["off", "on", "parallel"])
        .default("off"),
    )
    .option("--two-phase", "send prepared transactions at PREPARE (PostgreSQL 15)")
    .addOption(
      new Option(
        "--origin <which>",
        "none: leave out what came from another server (PostgreSQL 16)",
      )
        .choices(["any", "none"])
        .default("any"),
    )
    .option("--messages", "include what pg_logical_emit_message writes")
    .option("--binary", "have the values sent in binary form")
    .option("--no-loop", "do not reconnect");
  valueOptions(tail);
  connectionOptions(outputOptions(tail)).action(
    action(async () => (await import("./commands/tail.ts")).tail),
  );

  const decodeFile = program
    .command("decode-file")
    .description("decode captures offline; - is standard input")
    .argument("<file...>", "captures, decoded in this order")
    .addOption(
      new Option("--input <format>", "the captures' format")
        .choices([
          "auto",
          "walctl",
          "recvlogical",
          "raw",
          "hex",
          "copy-text",
          "copy-csv",
          "copy-binary",
        ])
        .default("auto"),
    )
    .option("--keep-going", "skip what is damaged (the exit status is still 3)")
    .option("--summary", "print totals by table and the largest transactions, no messages")
    .option("--only <kinds>", "print only messages of these kinds; may be repeated", collect)
    .option(
      "--only-table <pattern>",
      "print only these tables (* and ?); may be repeated",
      collect,
    );
  valueOptions(decodeFile);
  outputOptions(decodeFile).action(
    action(async () => (await import("./commands/decode-file.ts")).decodeFile),
  );

  const dropSlot = program
    .command("drop-slot")
    .description("drop a slot")
    .argument("<name>", "the slot's name");
  connectionOptions(outputOptions(dropSlot)).action(
    action(async () => (await import("./commands/drop-slot.ts")).dropSlot),
  );

  const demo = program
    .command("demo")
    .description("the whole thing on a PostgreSQL of its own; no server needed")
    .option("--keep", "leave the server running and print the commands to go on with");
  outputOptions(demo).action(action(async () => (await import("./commands/demo.ts")).demo));

  return program;
}

function connectionOptions(command: Command): Command {
  return command
    .optionsGroup("Connection (libpq's; PGHOST and the others count too):")
    .option("-d, --dbname <name>", 'database, URI or "key=value ..." string')
    .option("-h, --host <host>", "server host, or the directory of its socket")
    .option("-p, --port <port>", "server port")
    .option("-U, --username <name>", "role to connect as");
}

function outputOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .addOption(
      new Option("-F, --format <format>", "auto is table on a terminal, else ndjson")
        .choices(["auto", "table", "ndjson"])
        .default("auto"),
    )
    .option("--no-color", "no colours (NO_COLOR and FORCE_COLOR count too)")
    .option("-q, --quiet", "no progress and no notices on standard error");
}

function publicationOptions(command: Command): Command {
  return command
    .option(
      "-t, --table <table>",
      "publish 'schema.table [(column, ...)] [WHERE expression]'; may be repeated",
      collect,
    )
    .option("--schema <name>", "publish all tables of the schema; may be repeated", collect)
    .option("--all-tables", "publish all tables");
}

function valueOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--values <form>", "json: as row_to_json; text: as the server sent them")
        .choices(["json", "text"])
        .default("json"),
    )
    .option("--safe-numbers", "numbers that a JavaScript double cannot hold become strings");
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
