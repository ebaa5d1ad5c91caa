import type { CommandShape, Completion, OptionShape, ProgramShape } from "./program-shape.ts";

/** Groups of options that several commands share: described once. */
const SHARED_GROUPS = ["Connection", "Output"];

/** The heading in a command's help of what has its own section here. */
const HEADINGS: ReadonlyMap<string, string> = new Map([
  ["Tables", "How tables look"],
  ["Output", "Format, colours and width"],
]);

/** Whether options with that heading belong to the section. */
export function isOfSection(heading: string, section: string): boolean {
  return heading.startsWith(HEADINGS.get(section) ?? section);
}

/** walctl(1), in the man macros (man(7)). */
export function manPage(program: ProgramShape): string {
  const { name, version, description, options, commands } = program;
  const shared = SHARED_GROUPS.map((group) => sharedGroup(group, commands)).join("");
  return `.TH ${name.toUpperCase()} 1 "" "${name} ${text(version)}" "User Commands"
.SH NAME
${name} \\- inspect and tail PostgreSQL's write\\-ahead log
.SH SYNOPSIS
.B ${name}
.I COMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
${text(description)}
.SH OPTIONS
${options.map(optionParagraph).join("")}.SH COMMANDS
${commands.map(commandSection).join("")}${shared}${environment(commands)}.SH EXIT STATUS
${EXIT_STATUS.map(([status, meaning]) => `.TP\n.B ${status}\n${text(meaning)}\n`).join("")}.SH SEE ALSO
.BR psql (1),
.BR pg_recvlogical (1)
`;
}

export const EXIT_STATUS = [
  [
    "0",
    "Done; for tail also: stopped by SIGINT or SIGTERM, by a limit, or because the reader closed the pipe.",
  ],
  [
    "1",
    "It failed while running; for doctor: a check failed; for setup-publication: the publication differs.",
  ],
  ["2", "It was called wrongly."],
  ["3", "The input of decode-file or inspect is malformed."],
] as const;

function commandSection(command: CommandShape): string {
  const { name, description, arguments: operands, options, examples } = command;
  const usage = operands.map(({ name: word, variadic }) => ` <${word}${variadic ? "..." : ""}>`);
  const own = options.filter(({ group, long }) => !isShared(group) && long !== "--help");
  const groups = SHARED_GROUPS.filter((each) =>
    options.some(({ group }) => isOfSection(group, each)),
  );
  const also =
    groups.length === 0 ? "" : `.PP\nTakes the ${groups.join(" and ").toLowerCase()} options.\n`;
  const lines = examples.map(([what, line]) => `# ${what}\n${line}`).join("\n\n");
  return `.SS ${text(`${name}${usage.join("")}`)}
${text(description)}.
${own.map(optionParagraph).join("")}${also}.PP
Examples:
.PP
.nf
.RS 4
${lines.split("\n").map(text).join("\n")}
.RE
.fi
`;
}

function isShared(group: string): boolean {
  return SHARED_GROUPS.some((each) => isOfSection(group, each));
}

function sharedGroup(name: string, commands: readonly CommandShape[]): string {
  const options = sharedOptions(name, commands);
  return `.SH ${name.toUpperCase()} OPTIONS\n${options.map(optionParagraph).join("")}`;
}

/** The group's options, with the choices of all its commands, and the names of these. */
export function sharedOptions(
  group: string,
  commands: readonly CommandShape[],
): readonly OptionShape[] {
  const users = commands.flatMap(({ name, options }) => {
    const found = options.filter((option) => isOfSection(option.group, group));
    return found.length === 0 ? [] : [{ name, options: found }];
  });
  return (users[0]?.options ?? []).map((first) => {
    const all = users.map(({ name, options }) => {
      const same = options.find(({ long }) => long === first.long) ?? first;
      return { name, same, choices: choicesOf(same.value?.completion) };
    });
    const most = all.reduce((one, other) =>
      other.choices.length > one.choices.length ? other : one,
    );
    const few = all.reduce((one, other) =>
      other.choices.length < one.choices.length ? other : one,
    );
    const extra = most.choices.filter((choice) => !few.choices.includes(choice));
    if (extra.length === 0) return first;
    const names = all.filter(({ choices }) => extra.every((each) => choices.includes(each)));
    const only = `${extra.join(", ").replace(/, ([^,]*)$/, " and $1")} only for ${names.map(({ name }) => name).join(", ")}`;
    return { ...most.same, description: `${first.description}; ${only}` };
  });
}

export function choicesOf(completion: Completion | undefined): readonly string[] {
  return completion?.from === "choices" ? completion.choices : [];
}

function optionParagraph(option: OptionShape): string {
  const { short, long, description, value } = option;
  const names = [short, long]
    .filter((name) => name !== undefined)
    .map((name) => `\\fB${text(name)}\\fR`);
  const placeholder = value === undefined ? "" : ` ${text(value.placeholder)}`;
  const words = choicesOf(value?.completion);
  const choices = words.length === 0 ? "" : `; one of ${words.join(", ")}`;
  const initial = value?.default === undefined ? "" : ` (default: ${value.default})`;
  return `.TP\n${names.join(", ")}${placeholder}\n${text(description + choices + initial)}\n`;
}

/** walctl's own environment variables; libpq's are in docs/connection.md. */
export function variablesOf(
  commands: readonly CommandShape[],
): ReadonlyArray<readonly [name: string, meaning: string]> {
  const options = commands.flatMap(({ name, options: own }) =>
    own.flatMap(({ env, long }) => (env === undefined ? [] : [{ name, env, long }])),
  );
  const variables = [...new Set(options.map(({ env }) => env))].toSorted();
  const settings = variables.map((variable) => {
    const sets = options.filter(({ env }) => env === variable);
    const users = sets.map(({ name }) => name);
    return [variable, `${sets[0]?.long} of ${users.join(", ")}`] as const;
  });
  return [...settings, ...OTHER_VARIABLES];
}

const OTHER_VARIABLES = [
  ["WALCTL_DEBUG", "if set, errors come with a stack trace"],
  ["COLUMNS", "the width of tables and help (default: the terminal's, or 80)"],
  ["NO_COLOR", "if set and not empty, no colors"],
  ["FORCE_COLOR", "colors even if the output is not a terminal; 0: none"],
] as const;

function environment(commands: readonly CommandShape[]): string {
  const paragraphs = variablesOf(commands).map(
    ([variable, meaning]) => `.TP\n.B ${text(variable)}\n${text(meaning)}\n`,
  );
  return `.SH ENVIRONMENT
The command line comes before these, and before PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGPASSFILE and libpq's others.
${paragraphs.join("")}`;
}

/** Escapes text for roff; hyphens stay plain hyphens, so that they can be pasted. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
