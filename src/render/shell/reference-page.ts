import { EXIT_STATUS, choicesOf, isOfSection, sharedOptions, variablesOf } from "./man-page.ts";
import type { CommandShape, OptionShape, ProgramShape } from "./program-shape.ts";
import { textWidth } from "../terminal/text-width.ts";

/** Groups of options that several commands share: described once, at the end. */
const SHARED_GROUPS = ["Tables", "Output", "Connection"];

/** docs/reference.md: the help of all commands on one page. */
export function referencePage({ description, options, commands }: ProgramShape): string {
  return `${[
    "# Reference",
    "Every command, argument, option, environment variable and exit status. `npm run reference` writes this page from the program; `walctl COMMAND --help` prints the same. The [README](../README.md#documentation) lists the pages that explain.",
    `${description} Numbers of seconds are at most 2147483, as in PostgreSQL.`,
    table(
      ["command", "what it does"],
      commands.map(({ name, description: what }) => [`[\`${name}\`](#${name})`, what]),
    ),
    optionTable(options),
    ...commands.map(commandSection),
    ...SHARED_GROUPS.map(
      (group) => `## ${group}\n\n${optionTable(sharedOptions(group, commands))}`,
    ),
    environment(commands),
    `## Exit status\n\n${table(["status", "meaning"], EXIT_STATUS)}`,
    SIGNALS,
  ].join("\n\n")}\n`;
}

const SIGNALS =
  "A signal ends `tail`, `inspect --follow`, `demo` and `slots --watch` in order. It interrupts any other command: exit status 1 and the error `interrupted`; `decode-file` and `inspect` first print what they have read. `demo`, `create-slot` and `catalog` first clean up. A second signal ends every command at once, with exit status 130 or 143.";

function commandSection({ name, ...command }: CommandShape): string {
  const operands = command.arguments.map((each) => ` <${each.name}${each.variadic ? "..." : ""}>`);
  const own = command.options.filter(
    ({ group, long }) => sharedBy(group) === undefined && long !== "--help",
  );
  const shared = SHARED_GROUPS.filter((group) =>
    command.options.some((option) => sharedBy(option.group) === group),
  );
  const links = shared.map((group) => `[${group.toLowerCase()}](#${group.toLowerCase()})`);
  const groups = [...new Set(own.map(({ group }) => group))].map((group) => {
    const rows = optionTable(own.filter((option) => option.group === group));
    return group === "Options" ? rows : `**${group}**\n\n${rows}`;
  });
  return [
    `## ${name}`,
    `\`walctl ${name}${operands.join("")}\`: ${command.description}.`,
    table(
      ["argument", "meaning"],
      command.arguments.map((each) => [
        `\`<${each.name}>\``,
        each.description + oneOf(choicesOf(each.completion)),
      ]),
    ),
    ...groups,
    links.length === 0 ? "" : `Also the options for ${links.join(", ")}.`,
    `\`\`\`sh\n${command.examples.map(([what, line]) => `# ${what}\n${line}`).join("\n\n")}\n\`\`\``,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function sharedBy(group: string): string | undefined {
  return SHARED_GROUPS.find((each) => isOfSection(group, each));
}

function optionTable(options: readonly OptionShape[]): string {
  const rows = options.map((option) => {
    const { short, long, description, value, env } = option;
    const names = [short, long].filter((name) => name !== undefined).join(", ");
    const flag = value === undefined ? names : `${names} ${value.placeholder}`;
    return [
      `\`${flag}\``,
      description + oneOf(choicesOf(value?.completion)),
      code(value?.default),
      code(env),
    ];
  });
  return table(["option", "meaning", "default", "variable"], rows);
}

function oneOf(words: readonly string[]): string {
  return words.length === 0 ? "" : `; one of ${words.map(code).join(", ")}`;
}

function code(word: string | undefined): string {
  return word === undefined ? "" : `\`${word}\``;
}

function environment(commands: readonly CommandShape[]): string {
  const rows = variablesOf(commands).map(([name, meaning]) => [code(name), meaning]);
  return `## Environment

An option that names something or says how to show it can be set for all commands by a variable of its name. The command line comes first. Options that act (\`--ack\`, \`--sync\`, \`--force\`) have no variable. A format that a command does not have (\`WALCTL_FORMAT=wal2json\` with \`slots\`) is ignored there; as \`--format\` it is an error. The same holds where another option allows one format only: \`--output\` writes NDJSON whatever \`WALCTL_FORMAT\` says. \`WALCTL_PUBLICATION\` is one name.

${table(["variable", "meaning"], rows)}

libpq's variables (PGHOST, PGSERVICE, PGPASSFILE and all others) are in [connection.md](connection.md).`;
}

/** Aligned as oxfmt does, without empty columns; empty for a table without rows. */
function table(titles: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  if (rows.length === 0) return "";
  const used = titles.map((_, at) => rows.some((row) => row[at] !== ""));
  const all = [titles, ...rows].map((row) =>
    row.filter((_, at) => used[at]).map((cell) => cell.replaceAll("|", "\\|")),
  );
  const widths = (all[0] ?? []).map((_, at) =>
    Math.max(...all.map((row) => textWidth(row[at] ?? ""))),
  );
  const [head = "", ...body] = all.map((row) =>
    tableRow(row.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - textWidth(cell)))),
  );
  return [head, tableRow(widths.map((width) => "-".repeat(width))), ...body].join("\n");
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
