import type { CommandShape, OptionShape, ProgramShape } from "./program-shape.ts";

/** Groups of options that are the same in many commands are told once. */
const SHARED_GROUPS = ["Connection", "Output"];

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

const EXIT_STATUS = [
  [
    "0",
    "Done; for tail also: stopped by a signal or a limit, or because the reader closed the pipe.",
  ],
  ["1", "It failed while running; for doctor: a check failed."],
  ["2", "It was called wrongly."],
  ["3", "The input of decode-file is malformed."],
] as const;

function commandSection(command: CommandShape): string {
  const { name, description, arguments: operands, options, examples } = command;
  const usage = operands.map(({ name: word, variadic }) => ` <${word}${variadic ? "..." : ""}>`);
  const own = options.filter(({ group, long }) => !isShared(group) && long !== "--help");
  const groups = SHARED_GROUPS.filter((each) =>
    options.some(({ group }) => group.startsWith(each)),
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
  return SHARED_GROUPS.some((each) => group.startsWith(each));
}

function sharedGroup(name: string, commands: readonly CommandShape[]): string {
  const found = commands.map(({ options }) =>
    options.filter(({ group }) => group.startsWith(name)),
  );
  const options = found.find((each) => each.length > 0) ?? [];
  return `.SH ${name.toUpperCase()} OPTIONS\n${options.map(optionParagraph).join("")}`;
}

function optionParagraph({ short, long, description, value }: OptionShape): string {
  const names = [short, long]
    .filter((name) => name !== undefined)
    .map((name) => `\\fB${text(name)}\\fR`);
  const placeholder = value === undefined ? "" : ` ${text(value.placeholder)}`;
  const choices =
    value?.completion.from === "choices" ? `; one of ${value.completion.choices.join(", ")}` : "";
  const initial = value?.default === undefined ? "" : ` (default: ${value.default})`;
  return `.TP\n${names.join(", ")}${placeholder}\n${text(description + choices + initial)}\n`;
}

/** The variables of walctl's own; libpq's are libpq's. */
function environment(commands: readonly CommandShape[]): string {
  const options = commands.flatMap(({ name, options: own }) =>
    own.flatMap(({ env, long }) => (env === undefined ? [] : [{ name, env, long }])),
  );
  const variables = [...new Set(options.map(({ env }) => env))].toSorted();
  const paragraphs = variables.map((variable) => {
    const sets = options.filter(({ env }) => env === variable);
    const users = sets.map(({ name }) => name);
    return `.TP\n.B ${text(variable)}\n${text(`${sets[0]?.long} of ${users.join(", ")}`)}\n`;
  });
  return `.SH ENVIRONMENT
PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGPASSFILE and the others of libpq that name a server.
What stands on the command line comes before what these say:
${paragraphs.join("")}`;
}

/** Nothing in it means anything to roff, and a hyphen stays one that can be pasted. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
