import { Command, CommanderError } from "commander";
import { catalogCommand } from "./cli/catalog.ts";
import { decodeFileCommand } from "./cli/decode-file.ts";
import { doctorCommand, publicationsCommand, slotsCommand } from "./cli/inspect.ts";
import { inspectCommand } from "./cli/inspect-wal.ts";
import {
  advanceSlotCommand,
  createSlotCommand,
  dropPublicationCommand,
  dropSlotCommand,
  setupPublicationCommand,
} from "./cli/set-up.ts";
import { shortenHelp } from "./cli/options.ts";
import {
  completeCommand,
  completionCommand,
  demoCommand,
  helpCommand,
  manCommand,
  schemaCommand,
} from "./cli/shell.ts";
import { tailCommand } from "./cli/tail.ts";
import type { CommandContext } from "./program/context.ts";
import { ExitCode, WalctlError, usageError } from "./errors.ts";

import { renderError } from "./render/reports/diagnostics.ts";
import { readVersion } from "./version.ts";

/** main.ts imports it from here. */
export { ExitCode } from "./errors.ts";

/** What every command module exports: it takes raw flags and operands and returns the exit status. */
type Action = (...args: never[]) => Promise<ExitCode>;

interface Entry {
  readonly name: string;
  /** Defines names, flags and help. */
  readonly define: () => Command;
  /** Loads the command's module. Only the command that runs is loaded: start-up is most of what a short run costs. */
  readonly load: (program: Command) => Promise<Action>;
  /** The help does not list it. */
  readonly hidden?: true;
  /** It describes all other commands, so they have to be defined too. */
  readonly ofAll?: true;
}

/** In the order in which --help lists them. */
const COMMANDS: readonly Entry[] = [
  {
    name: "setup-publication",
    define: setupPublicationCommand,
    load: async () => (await import("./commands/setup-publication.ts")).setupPublication,
  },
  {
    name: "publications",
    define: publicationsCommand,
    load: async () => (await import("./commands/publications.ts")).publications,
  },
  {
    name: "drop-publication",
    define: dropPublicationCommand,
    load: async () => (await import("./commands/drop-publication.ts")).dropPublication,
  },
  {
    name: "create-slot",
    define: createSlotCommand,
    load: async () => (await import("./commands/slots/create-slot.ts")).createSlot,
  },
  {
    name: "tail",
    define: tailCommand,
    load: async () => (await import("./commands/tail/tail.ts")).tail,
  },
  {
    name: "decode-file",
    define: decodeFileCommand,
    load: async () => (await import("./commands/decode-file/decode-file.ts")).decodeFile,
  },
  {
    name: "inspect",
    define: inspectCommand,
    load: async () => (await import("./commands/inspect/inspect.ts")).inspect,
  },
  {
    name: "catalog",
    define: catalogCommand,
    load: async () => (await import("./commands/catalog/catalog.ts")).catalog,
  },
  {
    name: "slots",
    define: slotsCommand,
    load: async () => (await import("./commands/slots/slots.ts")).slots,
  },
  {
    name: "advance-slot",
    define: advanceSlotCommand,
    load: async () => (await import("./commands/slots/advance-slot.ts")).advanceSlot,
  },
  {
    name: "drop-slot",
    define: dropSlotCommand,
    load: async () => (await import("./commands/slots/drop-slot.ts")).dropSlot,
  },
  {
    name: "doctor",
    define: doctorCommand,
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    name: "schema",
    define: schemaCommand,
    load: async () => (await import("./commands/schema.ts")).schema,
  },
  {
    name: "demo",
    define: demoCommand,
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  {
    name: "help",
    define: helpCommand,
    load: async (program) => help(program),
    ofAll: true,
  },
  {
    name: "completion",
    define: completionCommand,
    load: async (program) => {
      const { completion } = await import("./commands/shell/completion.ts");
      return completion((await import("./cli/program-shape.ts")).shapeOf(program));
    },
    ofAll: true,
  },
  {
    name: "__complete",
    define: completeCommand,
    load: async () => (await import("./commands/shell/complete.ts")).complete,
    hidden: true,
  },
  {
    name: "__man",
    define: manCommand,
    load: async (program) => {
      const { man } = await import("./commands/shell/man.ts");
      return man((await import("./cli/program-shape.ts")).shapeOf(program));
    },
    hidden: true,
    ofAll: true,
  },
];

/** The commands that the command line can refer to. Defining the others takes longer than parsing it. */
function entriesFor(first: string | undefined): readonly Entry[] {
  if (first === "--version" || first === "-V" || first === "-v") return [];
  const called = COMMANDS.find(({ name }) => name === first);
  return called === undefined || called.ofAll === true ? COMMANDS : [called];
}

/** Each line fits a terminal of 80 columns. */
const FIRST_STEPS = `
First steps:
  # A demo on a temporary PostgreSQL server
  walctl demo

  # Is your server ready, and if not, what helps?
  walctl doctor -d shop

  # Create a publication of one table and watch it; Ctrl-C ends
  walctl tail -d shop --bootstrap -P shop_changes -t orders

walctl help COMMAND shows a command's options and examples, --all every option.`;

/** `walctl -d shop tail`: options may precede the command. */
function commandFirst(argv: readonly string[]): readonly string[] {
  const [first = ""] = argv;
  const at = argv.findIndex((word) => COMMANDS.some(({ name }) => name === word));
  if (at < 1 || !first.startsWith("-") || argv.slice(0, at).includes("--")) return argv;
  return [argv[at] ?? "", ...argv.slice(0, at), ...argv.slice(at + 1)];
}

/** `-h` is the host, but with nothing behind it, it asks for help as everywhere else; `-v` is what `-V` is. */
function withHelp(argv: readonly string[]): readonly string[] {
  const last = argv.at(-1);
  if (argv.length <= 2 && last === "-h") return [...argv.slice(0, -1), "--help"];
  return argv.length === 1 && last === "-v" ? ["--version"] : argv;
}

/** Prints the help of the program, or of one command. */
function help(program: Command): Action {
  return async (name?: string) => {
    const command = program.commands.find((each) => each.name() === name);
    if (name !== undefined && command === undefined) {
      throw usageError(`there is no command "${name}"`, "walctl help lists them.");
    }
    (command ?? program).outputHelp();
    return ExitCode.done;
  };
}

/**
 * Runs the command line and returns the exit status. Every error ends here as a message on standard error.
 * @param runs called once the command runs and has said which signals it listens to
 */
export async function run(
  given: readonly string[],
  context: CommandContext,
  runs: () => void = () => {},
): Promise<ExitCode> {
  const argv = commandFirst(withHelp(given));
  let status: ExitCode = ExitCode.done;
  let helpText = "";
  const program = createProgram(entriesFor(argv[0]), context, {
    wholeHelp: argv.includes("--all"),
    runs,
    done: (code) => (status = code),
    help: (text) => (helpText += text),
  });
  const printHelp = async (): Promise<void> => {
    if (helpText !== "") await (await import("./program/context.ts")).print(context, helpText);
  };
  try {
    refusePassword(argv);
    await program.parseAsync(argv, { from: "user" }).catch(async (error: unknown) => {
      if (error instanceof CommanderError && error.exitCode === 0) await printHelp();
      throw error;
    });
    await printHelp();
    return status;
  } catch (error) {
    // No command was given: commander has already printed the help on standard error.
    if (error instanceof CommanderError && error.code === "commander.help") return ExitCode.usage;
    // --help or --version has ended the run.
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.done;
    const known =
      error instanceof CommanderError
        ? (await import("./cli/usage-errors.ts")).usageErrorOf(error, program, argv)
        : error;
    context.stderr.stream.write(renderError(known, context.env["WALCTL_DEBUG"] !== undefined));
    return known instanceof WalctlError ? known.exitCode : ExitCode.failed;
  }
}

/** Nothing is called "": it would be taken for a default, for a name that is not there, or for all there is. */
function refuseEmpty(command: Command): void {
  const empty = command.options.find((option) => {
    const name = option.attributeName();
    const given: unknown = command.getOptionValue(name);
    return command.getOptionValueSource(name) === "cli" && [given].flat().includes("");
  });
  if (empty === undefined && !command.args.includes("")) return;
  throw usageError(
    empty === undefined
      ? "an argument is empty"
      : `the value of ${empty.long ?? empty.short} is empty`,
    "A shell variable that is not set makes it so.",
  );
}

/** commander would take the letters for options, and name them in its error. */
function refusePassword(argv: readonly string[]): void {
  const options = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : argv.length);
  if (!options.some((word) => /^(-W.|--password=)/.test(word))) return;
  throw usageError(
    "--password takes no value: it asks for the password",
    "Set PGPASSWORD instead.",
  );
}

/** --width counts before what the environment and the terminal say. */
function withWidth(context: CommandContext, { width }: { width?: number }): CommandContext {
  return width === undefined
    ? context
    : { ...context, stdout: { ...context.stdout, width: () => width } };
}

function createProgram(
  entries: readonly Entry[],
  context: CommandContext,
  took: {
    readonly wholeHelp: boolean;
    readonly runs: () => void;
    readonly done: (code: ExitCode) => void;
    readonly help: (text: string) => void;
  },
): Command {
  const program = new Command("walctl")
    .description("Inspects and tails PostgreSQL's write-ahead log through logical decoding.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: took.help,
      writeErr: (text) => void context.stderr.stream.write(text),
      // Errors are printed once, in one form, by run().
      outputError: () => {},
      getOutHelpWidth: () => context.stdout.width() ?? 80,
      getErrHelpWidth: () => context.stderr.width() ?? 80,
    })
    .addHelpText("after", FIRST_STEPS);
  for (const { define, load, hidden = false } of entries) {
    const command = define()
      .copyInheritedSettings(program)
      .action(async (...args: unknown[]) => {
        if (!hidden) refuseEmpty(command);
        // commander passes the operands, the options and the command.
        const main = (await load(program)) as unknown as (...given: unknown[]) => Promise<ExitCode>;
        const running = main(...args.slice(0, -1), withWidth(context, command.opts()));
        took.runs();
        took.done(await running);
      });
    if (!took.wholeHelp) shortenHelp(command);
    program.addCommand(command, { hidden });
  }
  return program;
}
