/** What commander refuses, as an error of walctl with a hint. Loaded only for one. */
import type { Command, CommanderError } from "commander";
import { type WalctlError, usageError } from "../errors.ts";
import { LIKELY_COMMANDS, LIKELY_OPTIONS, NOT_OF_TAIL } from "./likely-words.ts";

export function usageErrorOf(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): WalctlError {
  const [what = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const called = program.commands.find((command) => command.name() === argv[0]);
  const meant = suggestion === undefined ? undefined : /Did you mean (.*)\?/.exec(suggestion)?.[1];
  const hint =
    likelyHint(error, called, argv) ??
    (meant === undefined ? usageOf(called) : `Did you mean ${meant}?`);
  const message =
    called !== undefined && error.code === "commander.excessArguments"
      ? `${called.name()} takes ${argumentsText(called)}`
      : what.replace(/\.$/, "");
  return usageError(message, hint);
}

function argumentsText({ registeredArguments: each }: Command): string {
  if (each.length === 0) return "options only, and no argument";
  return `${each.length === 1 ? "one argument" : `${each.length} arguments`}, and got more`;
}

/** Another word for something that there is, or a word that lacks its option. */
function likelyHint(
  { code, message }: CommanderError,
  called: Command | undefined,
  argv: readonly string[],
): string | undefined {
  const word = /'([^']*)'/.exec(message)?.[1] ?? "";
  if (code === "commander.unknownCommand" && Object.hasOwn(LIKELY_COMMANDS, word))
    return `Did you mean walctl ${LIKELY_COMMANDS[word]}?`;
  if (called === undefined) return undefined;
  if (code === "commander.excessArguments") return placesHint(called, argv);
  const [option = ""] = word.replace(/^-+/, "").split("=");
  if (code !== "commander.unknownOption") return undefined;
  if (called.registeredArguments[0]?.name() === "name" && NAMES.has(option))
    return `The name is an argument: walctl ${called.name()} NAME`;
  if (called.name() === "tail" && Object.hasOwn(NOT_OF_TAIL, option)) return NOT_OF_TAIL[option];
  if (!Object.hasOwn(LIKELY_OPTIONS, option)) return undefined;
  const meant = LIKELY_OPTIONS[option]?.find((long) => has(called, long));
  return meant === undefined
    ? undefined
    : `Did you mean ${meant}? See walctl ${called.name()} --help --all.`;
}

/** What people type before the name of a slot or a publication that is an argument. */
const NAMES = new Set(["S", "slot", "slot-name", "P", "publication", "name"]);

const PLACES = [
  { long: "--dbname", short: "-d", what: "database" },
  { long: "--data-dir", short: "--data-dir", what: "data directory" },
  { long: "--slot", short: "-S", what: "slot" },
  { long: "--publication", short: "-P", what: "publication" },
  { long: "--only-table", short: "--only-table", what: "table" },
  { long: "--table", short: "-t", what: "table" },
];

/** Which of them the word is, nobody but the user knows. */
function placesHint(called: Command, argv: readonly string[]): string | undefined {
  const [word = ""] = called.args.slice(called.registeredArguments.length);
  // Behind a refused --password it may be one.
  const mayBeSecret = argv.some((each) => /^(-W|--password)/.test(each));
  // It may contain a password.
  if (/^\w+\s*=/.test(word) && has(called, "--dbname")) return "A connection string follows -d.";
  if (mayBeSecret || !/^[\w.:/@-]+$/.test(word)) return undefined;
  const isUri = word.includes("://");
  const there = PLACES.filter(({ long }) => has(called, long));
  const sure = isUri ? "--dbname" : word.includes("/") ? "--data-dir" : "";
  const one = there.filter(({ long }) => long === sure);
  const places = new Map(
    (one.length > 0 ? one : there).toReversed().map(({ what, short }) => [what, short]),
  );
  if (places.size === 0) return undefined;
  const all = called.name() === "slots" ? "walctl slots shows all slots; " : "";
  const isFile = !isUri && /\/|\.\w+$/.test(word) && has(called, "--capture");
  const file = isFile
    ? `a file to write is -o ${word}, and walctl decode-file ${word} reads one; `
    : "";
  const each = [...places]
    .toReversed()
    .map(([what, short]) => `a ${what} is ${short} ${word}`)
    .join(", ");
  return `${all}${file}${each}.`.replace(/^a/, "A");
}

function has(command: Command, long: string): boolean {
  return command.options.some((each) => each.long === long);
}

/** The usage line of the command that was called. */
function usageOf(called: Command | undefined): string {
  if (called === undefined) return "See walctl --help, or walctl COMMAND --help.";
  const name = `walctl ${called.name()}`;
  return `Usage: ${name} ${called.usage()}; see ${name} --help.`;
}
