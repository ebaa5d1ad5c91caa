import { isDeepStrictEqual } from "node:util";
import { type ExitCode, WalctlError } from "../../errors.ts";
import type { RuledColumns, TypeRegistry } from "../../pgoutput/type-registry.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";
import type { Reporter } from "../reporter.ts";
import { TemporaryFiles } from "../temporary-files.ts";
import type { CaptureFile } from "./capture-file.ts";
import type { RendererOptions, SqlFlags } from "./renderer.ts";
import type { SqlRun } from "./sql.ts";

/** What all output of one run with -F sql has in common; loaded only with it. Undefined with another format. */
export async function openSql(
  { sql }: RendererOptions,
  onlyTables: readonly TablePattern[],
  reporter: Pick<Reporter, "warn">,
  files = new TemporaryFiles(),
): Promise<SqlRun | undefined> {
  if (sql === undefined) return undefined;
  const { SqlRun } = await import("./sql.ts");
  return new SqlRun(sql, onlyTables, reporter, files);
}

/** The end of a run that a signal ended before all was printed: half an undo is none. */
export function endOfSignal(
  { undo }: SqlFlags,
  failed: ExitCode,
  otherwise: () => ExitCode,
): () => ExitCode {
  return () => {
    if (undo !== true) return otherwise();
    throw new WalctlError("a signal ended it before the undo was printed", {
      detail: "A script without COMMIT at its end changes nothing.",
      exitCode: failed,
    });
  };
}

/** Keeps what statements on a relation have to know, in the capture too. */
export function noteRuled(
  types: TypeRegistry,
  capture: CaptureFile | undefined,
): (relation: number, columns: RuledColumns) => void {
  return (relation, columns) => {
    if (isDeepStrictEqual(types.ruledColumns(relation), columns)) return;
    types.ruled(relation, columns);
    capture?.metadata({ relation, ...columns });
  };
}
