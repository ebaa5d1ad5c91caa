import type { CommandShape, Completion, OptionShape, ProgramShape } from "./program-shape.ts";
import { singleQuoted } from "./shell-words.ts";

/** Works with bash 3.2 and without bash-completion. bash splits words at `=` and quotes (COMP_WORDBREAKS). */
export function bashCompletion({ commands, options }: ProgramShape): string {
  const names = [...commands.map(({ name }) => name), ...options.flatMap(namesOf)];
  return `# bash completion for walctl; made by: walctl completion bash

_walctl_words() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_walctl_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$cur"))
}

_walctl_server() {
  local name
  while IFS= read -r name; do
    if [[ $name == "$cur"* ]]; then COMPREPLY+=("$(printf %q "$name")"); fi
  done < <(walctl __complete "$1" -- "\${COMP_WORDS[@]:1}" 2>/dev/null)
}

_walctl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= i
  COMPREPLY=()
  if [[ $cur == "=" ]]; then cur=
  elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} != -* ]]; then command=\${COMP_WORDS[i]}; break; fi
  done
  case $command in
  '') _walctl_words ${words(names)} ;;
${commands.map(commandCase).join("")}  esac
}

complete -F _walctl walctl
`;
}

function commandCase({ name, arguments: operands, options }: CommandShape): string {
  const values = options.flatMap((option) =>
    option.value?.required === true
      ? [`    ${namesOf(option).join("|")}) ${action(option.value.completion)}return ;;\n`]
      : [],
  );
  // Only the first of several operands can be completed by name; files complete any of them.
  const operand = operands[0] === undefined ? "" : action(operands[0].completion);
  return `  ${name})
    case $prev in
${values.join("")}    esac
    case $cur in
    -*) _walctl_words ${words(options.flatMap(namesOf))} ;;
    *) ${operand}:;;
    esac ;;
`;
}

function action(completion: Completion): string {
  switch (completion.from) {
    case "choices":
      return `_walctl_words ${words(completion.choices)}; `;
    case "slots":
    case "publications":
    case "tables":
    case "databases":
      return `_walctl_server ${completion.from}; `;
    case "files":
      return "_walctl_files; ";
    case "nowhere":
      return "";
  }
}

function namesOf({ short, long }: OptionShape): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

/** IFS must be a line break. */
function words(list: readonly string[]): string {
  return singleQuoted(list.join("\n"));
}
