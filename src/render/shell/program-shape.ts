/** The program's commands and options as data, for completion scripts and the man page. */
export interface ProgramShape {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly options: readonly OptionShape[];
  readonly commands: readonly CommandShape[];
}

export interface CommandShape {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly ArgumentShape[];
  readonly options: readonly OptionShape[];
  readonly examples: ReadonlyArray<readonly [what: string, line: string]>;
}

/** The source of the completions. */
export type Completion =
  | { readonly from: "choices"; readonly choices: readonly string[] }
  | { readonly from: ServerNames | "files" | "nowhere" };

/** What the server is asked for. Tables are named as in SQL. */
export type ServerNames = "slots" | "publications" | "tables" | "databases";

export interface ArgumentShape {
  readonly name: string;
  readonly description: string;
  readonly variadic: boolean;
  readonly completion: Completion;
}

export interface OptionShape {
  readonly short: string | undefined;
  readonly long: string;
  readonly description: string;
  /** Undefined if it takes no value. */
  readonly value: OptionValue | undefined;
  /** The environment variable that sets it. */
  readonly env: string | undefined;
  readonly group: string;
}

interface OptionValue {
  /** As in the help: `<name>`, or `[seconds]` if it may be omitted. */
  readonly placeholder: string;
  readonly required: boolean;
  readonly default: string | undefined;
  readonly completion: Completion;
}
