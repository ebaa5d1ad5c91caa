import { ExitCode } from "../../errors.ts";
import type { ProgramShape } from "../../render/shell/program-shape.ts";
import { type CommandContext, print } from "../../program/context.ts";

type Shell = "bash" | "zsh" | "fish";

export function completion(
  program: ProgramShape,
): (shell: Shell, flags: unknown, context: CommandContext) => Promise<ExitCode> {
  return async (shell, _flags, context) => {
    await print(context, await SCRIPTS[shell](program));
    return ExitCode.done;
  };
}

/** Loads only the generator of the shell. */
const SCRIPTS: Readonly<Record<Shell, (program: ProgramShape) => Promise<string>>> = {
  bash: async (program) =>
    (await import("../../render/shell/completion-bash.ts")).bashCompletion(program),
  zsh: async (program) =>
    (await import("../../render/shell/completion-zsh.ts")).zshCompletion(program),
  fish: async (program) =>
    (await import("../../render/shell/completion-fish.ts")).fishCompletion(program),
};
