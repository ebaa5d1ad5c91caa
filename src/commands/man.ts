import { ExitCode } from "../errors.ts";
import type { ProgramShape } from "../render/program-shape.ts";
import type { CommandContext } from "./context.ts";

/** Prints the man page, for `npm run man`. */
export function man(
  program: ProgramShape,
): (flags: unknown, context: CommandContext) => Promise<ExitCode> {
  return async (_flags, context) => {
    const { manPage } = await import("../render/man-page.ts");
    context.stdout.stream.write(manPage(program));
    return ExitCode.done;
  };
}
