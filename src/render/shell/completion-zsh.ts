import type {
  ArgumentShape,
  CommandShape,
  Completion,
  OptionShape,
  ProgramShape,
} from "./program-shape.ts";
import { singleQuoted } from "./shell-words.ts";

/** A script for _arguments of zsh's completion system (zshcompsys(1)), as a file in $fpath or for eval. */
export function zshCompletion({ commands, options }: ProgramShape): string {
  const list = commands.map(
    ({ name, description }) => `    ${singleQuoted(`${name}:${description}`)}\n`,
  );
  return `#compdef walctl
# zsh completion for walctl; made by: walctl completion zsh

# _arguments puts what is for compadd before an action's own arguments.
_walctl_server() {
  local -a names
  names=("\${(@f)$(walctl __complete $argv[-1] -- "\${(@Q)words}" 2>/dev/null)}")
  compadd "\${(@)argv[1,-2]}" -- "\${(@)names:#}"
}

_walctl() {
  local curcontext=$curcontext state line ret=1
  local -a commands
  commands=(
${list.join("")}  )
  _arguments -C \\
${options.map((option) => `    ${specOf(option)} \\\n`).join("")}    '1:command:->command' \\
    '*::argument:->arguments' && ret=0
  case $state in
  command) _describe -t commands command commands && ret=0 ;;
  arguments)
    case $line[1] in
${commands.map(commandCase).join("")}    esac ;;
  esac
  return ret
}

if [[ $funcstack[1] == _walctl ]]; then
  _walctl "$@"
else
  compdef _walctl walctl
fi
`;
}

function commandCase({ name, arguments: operands, options }: CommandShape): string {
  const specs = [...options.map(specOf), ...operands.map(operandSpec)];
  return `    ${name})
      _arguments -s \\
${specs.map((spec) => `        ${spec} \\\n`).join("")}        && ret=0 ;;
`;
}

/** `'(-S --slot)'{-S+,--slot=}'[the slot]:name:…'`; an option that may be repeated does not exclude itself. */
function specOf({ short, long, description, value }: OptionShape): string {
  const repeated = description.includes("may be repeated");
  const names = short === undefined ? [long] : [short, long];
  const exclusion = repeated ? "'*'" : singleQuoted(`(${names.join(" ")})`);
  const taking = names.map((name) => name + valueMark(name, value));
  const spelled = taking.length === 1 ? singleQuoted(taking[0] ?? "") : `{${taking.join(",")}}`;
  const colons = value?.required === true ? ":" : "::";
  const after =
    value === undefined
      ? ""
      : `${colons}${escaped(value.placeholder.replace(/[<>[\]]/g, ""))}:${action(value.completion)}`;
  return `${exclusion}${spelled}${singleQuoted(`[${escaped(description)}]${after}`)}`;
}

/** The value may be in the same word, as in `-Sx` and `--slot=x`, or in the next. */
function valueMark(name: string, value: OptionShape["value"]): string {
  if (value === undefined) return "";
  if (!value.required) return name.startsWith("--") ? "=-" : "-";
  return name.startsWith("--") ? "=" : "+";
}

function operandSpec({ name, variadic, completion }: ArgumentShape): string {
  const place = variadic ? "*" : "";
  return singleQuoted(`${place}:${escaped(name)}:${action(completion)}`);
}

function action(completion: Completion): string {
  switch (completion.from) {
    case "choices":
      return `(${completion.choices.join(" ")})`;
    case "slots":
    case "publications":
    case "tables":
    case "databases":
      return `_walctl_server ${completion.from}`;
    case "files":
      return "_files";
    case "nowhere":
      // A space: nothing to complete.
      return " ";
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, String.raw`\$&`);
}
