import { ExitCode } from "../../errors.ts";
import type { ProgramShape } from "../../render/shell/program-shape.ts";
import { type CommandContext, print } from "../../program/context.ts";

/** Prints the man page (`npm run man`), or docs/reference.md (`npm run reference`). */
export function man(
  program: ProgramShape,
): (form: string, flags: unknown, context: CommandContext) => Promise<ExitCode> {
  return async (form, _flags, context) => {
    const page =
      form === "reference"
        ? (await import("../../render/shell/reference-page.ts")).referencePage(program)
        : (await import("../../render/shell/man-page.ts")).manPage(program);
    await print(context, page);
    return ExitCode.done;
  };
}
