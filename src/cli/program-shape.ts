import type { Argument, Command, Option } from "commander";
import type {
  ArgumentShape,
  CommandShape,
  Completion,
  OptionShape,
  ProgramShape,
  ServerNames,
} from "../render/shell/program-shape.ts";
import { MESSAGE_KINDS, examplesOf } from "./options.ts";

/** Option values, and operands by command, that are completed with names from the server or the disk. */
const SOURCES: Readonly<Record<string, ServerNames | "files">> = {
  "--dbname": "databases",
  "--table": "tables",
  "--except": "tables",
  "--only-table": "tables",
  "drop-publication name": "publications",
  "publications name": "publications",
  "--slot": "slots",
  "--publication": "publications",
  "--host": "files",
  "--output": "files",
  "--capture": "files",
  "--ack-from": "files",
  "--data-dir": "files",
  "--catalog": "files",
  "drop-slot name": "slots",
  "advance-slot name": "slots",
  "setup-publication name": "publications",
  "decode-file file": "files",
  "inspect path": "files",
};

/** Describes commander's program, without the internal commands. */
export function shapeOf(program: Command): ProgramShape {
  const commands = program.commands.filter((command) => !command.name().startsWith("_"));
  return {
    name: program.name(),
    version: program.version() ?? "",
    description: program.description(),
    options: optionsOf(program),
    commands: commands.map((command) => commandOf(command, commands)),
  };
}

function commandOf(command: Command, all: readonly Command[]): CommandShape {
  return {
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => {
      const shape = argumentOf(command, argument);
      if (command.name() !== "help") return shape;
      return { ...shape, completion: { from: "choices", choices: all.map((each) => each.name()) } };
    }),
    options: optionsOf(command),
    examples: examplesOf(command),
  };
}

function argumentOf(command: Command, argument: Argument): ArgumentShape {
  const name = argument.name();
  return {
    name,
    description: argument.description,
    variadic: argument.variadic,
    completion: completionOf(`${command.name()} ${name}`, argument.argChoices),
  };
}

/** Including --help, which commander keeps separately. */
function optionsOf(command: Command): readonly OptionShape[] {
  return command.createHelp().visibleOptions(command).map(optionOf);
}

function optionOf(option: Option): OptionShape {
  const [, placeholder] = /([<[].*)$/.exec(option.flags) ?? [];
  const long = option.long ?? option.flags;
  const { defaultValue } = option as { defaultValue: unknown };
  return {
    short: option.short,
    long,
    description: option.description,
    value:
      placeholder === undefined
        ? undefined
        : {
            placeholder,
            required: option.required,
            default: typeof defaultValue === "string" ? defaultValue : undefined,
            completion: completionOf(long, option.argChoices),
          },
    env: option.envVar,
    group: (option.helpGroupHeading ?? "Options:").replace(/:$/, ""),
  };
}

function completionOf(key: string, choices: readonly string[] | undefined): Completion {
  if (choices !== undefined) return { from: "choices", choices };
  if (key === "--only") return { from: "choices", choices: MESSAGE_KINDS };
  return { from: SOURCES[key] ?? "nowhere" };
}
