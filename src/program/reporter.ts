import { WalctlError } from "../errors.ts";
import { NO_PROGRESS, type Progress, Spinner } from "../output/progress.ts";
import type { StatusLine } from "../output/status-line.ts";
import { renderError, renderWarning } from "../render/reports/diagnostics.ts";
import { sanitizeLine } from "../render/bytes/sanitize.ts";
import type { CommandContext } from "./context.ts";
import { type OutputFlags, type OutputOptions, canRedraw } from "./options.ts";

export interface Warning {
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** Who pipes a report into a pager may not know that there is a form to read; a cron job has no use for it. */
export function tellOfTable(
  { format }: OutputFlags,
  output: OutputOptions,
  reporter: Reporter,
): void {
  if (format !== "auto" || output.format === "table") return;
  reporter.hint("the output is NDJSON, since it is no terminal; -F table prints a table");
}

/** With its time, unless a person sees it on a terminal. */
export function logLine(text: string, { isTerminal }: CommandContext["stderr"]): string {
  return isTerminal ? text : `${new Date().toISOString()} ${text}`;
}

/** A running command's messages on standard error. Errors that end it go to cli.ts instead. */
export class Reporter {
  readonly #context: CommandContext;
  readonly #quiet: boolean;
  readonly #progress: Progress;
  readonly #line: Pick<StatusLine, "clear"> | undefined;
  #isLog = false;

  /** @param line on the same terminal; it is cleared before anything is printed */
  constructor(context: CommandContext, options: OutputOptions, line?: Pick<StatusLine, "clear">) {
    this.#context = context;
    this.#line = line;
    this.#quiet = options.quiet;
    this.#progress =
      canRedraw(context.stderr, context) && !options.quiet
        ? new Spinner(context.stderr.stream)
        : NO_PROGRESS;
  }

  /** Prints a warning, also with --quiet. */
  warn(warning: Warning): void {
    this.#write(renderWarning(warning.message, warning.detail, warning.hint) + this.#time());
  }

  /** Reports the error that ends the command, in its place among what else is said at the end. */
  end(error: WalctlError): void {
    this.#write(renderError(error, this.#context.env["WALCTL_DEBUG"] !== undefined) + this.#time());
  }

  /** From now on warnings and errors have a line with their time, unless a person sees them on a terminal. */
  beginLog(): void {
    this.#isLog = !this.#context.stderr.isTerminal;
  }

  #time(): string {
    return this.#isLog ? `TIME: ${new Date().toISOString()}\n` : "";
  }

  /** Reports an error that does not end the command yet. */
  fault(message: string, hint: string | undefined): void {
    this.#write(renderError(new WalctlError(message, { hint }), false));
  }

  /** Prints one line of news that needs no action. */
  notice(text: string): void {
    if (!this.#quiet) this.#write(`walctl: ${sanitizeLine(text)}\n`);
  }

  /** A notice for a person only: it would be the mail of a cron job. */
  hint(text: string): void {
    if (this.#context.stderr.isTerminal) this.notice(text);
  }

  /** A notice for a log of a service. */
  event(text: string): void {
    this.notice(logLine(text, this.#context.stderr));
  }

  /** Shows what the command waits for; only on a terminal. */
  progress(text: string): void {
    this.#progress.show(sanitizeLine(text));
  }

  /** Call it before writing to standard output: both may be the same terminal. */
  clearProgress(): void {
    this.#progress.clear();
  }

  #write(text: string): void {
    this.#progress.clear();
    this.#line?.clear();
    this.#context.stderr.stream.write(text);
  }
}
