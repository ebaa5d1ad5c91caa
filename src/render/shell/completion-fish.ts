import type { CommandShape, Completion, OptionShape, ProgramShape } from "./program-shape.ts";

/** A file for ~/.config/fish/completions. */
export function fishCompletion({ commands, options }: ProgramShape): string {
  const names = commands.map(
    ({ name, description }) =>
      `complete -c walctl -n __fish_use_subcommand -a ${name} -d ${quoted(description)}\n`,
  );
  const own = options.map((option) => optionLine("__fish_use_subcommand", option));
  return `# fish completion for walctl; made by: walctl completion fish

function __walctl_server
    walctl __complete $argv[1] -- (commandline -opc) 2>/dev/null
end

complete -c walctl -f
${[...own, ...names, ...commands.flatMap(commandLines)].join("")}`;
}

function commandLines({ name, arguments: operands, options }: CommandShape): readonly string[] {
  const condition = quoted(`__fish_seen_subcommand_from ${name}`);
  const [operand] = operands;
  const words = operand === undefined ? "" : action(operand.completion);
  const line = words === "" ? [] : [`complete -c walctl -n ${condition}${words}\n`];
  return [...options.map((option) => optionLine(condition, option)), ...line];
}

function optionLine(condition: string, { short, long, description, value }: OptionShape): string {
  const names = `${short === undefined ? "" : ` -s ${short.slice(1)}`} -l ${long.slice(2)}`;
  // -x: the option takes a value, which by default is not a file.
  const takes = value?.required === true ? " -x" : "";
  const words = value === undefined ? "" : action(value.completion);
  return `complete -c walctl -n ${condition}${names}${takes}${words} -d ${quoted(description)}\n`;
}

function action(completion: Completion): string {
  switch (completion.from) {
    case "choices":
      return ` -a ${quoted(completion.choices.join(" "))}`;
    case "slots":
    case "publications":
    case "tables":
    case "databases":
      return ` -a '(__walctl_server ${completion.from})'`;
    case "files":
      return " -k -a '(__fish_complete_path (commandline -ct))'";
    case "nowhere":
      return "";
  }
}

/** In fish's single quotes a backslash escapes a quote and itself. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, String.raw`\$&`)}'`;
}
