import { requireKnownVersion } from "../../catalog/read.ts";
import { ExitCode, usageError } from "../../errors.ts";
import { ReaderGone } from "../../output/sink.ts";
import { exportCatalog } from "../../server/catalog/export.ts";
import { readServerVersion } from "../../server/settings/preflight.ts";
import { walctlCommand } from "../../server/target/paste.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { shellQuote } from "../../server/target/target.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import { type CommandContext, print } from "../../program/context.ts";
import { type OutputFlags, type OutputOptions, outputOptions } from "../../program/options.ts";
import { Reporter } from "../../program/reporter.ts";
import { openCatalogOutput } from "./output.ts";
import { CatalogWriter } from "./writer.ts";

interface CatalogFlags extends ConnectionFlags, OutputFlags {
  readonly dataDir?: string;
  readonly output?: string;
}

/** Where the catalogue comes from. */
interface CatalogSource {
  /** As the user would call walctl for it. */
  readonly command: string;
  readonly exportTo: (writer: CatalogWriter) => Promise<void>;
}

/** Exports what the row changes of a database need: its catalogue. */
export async function catalog(flags: CatalogFlags, context: CommandContext): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const reporter = new Reporter(context, output);
  const source =
    flags.dataDir === undefined
      ? serverSource(flags, context)
      : dataDirSource(flags, flags.dataDir, reporter);
  // A file that is not finished is removed.
  return await context.finishBeforeExit(run(source, flags, { output, reporter, context }));
}

interface Surroundings {
  readonly output: OutputOptions;
  readonly reporter: Reporter;
  readonly context: CommandContext;
}

async function run(
  source: CatalogSource,
  { output: file }: CatalogFlags,
  { output, reporter, context }: Surroundings,
): Promise<ExitCode> {
  const path = file === "-" ? undefined : file;
  const summary = output.format === "table";
  const destination = openCatalogOutput(path, summary, context);
  try {
    reporter.progress("reading the catalogue");
    const writer = new CatalogWriter(destination.sink);
    await source.exportTo(writer);
    await writer.end();
    await destination.finish();
    reporter.clearProgress();
    if (summary) await printSummary(writer, output, context);
    if (summary && path === undefined) {
      const { database } = writer.header;
      reporter.notice(`to keep it: ${source.command} -o ${fileName(database)}`);
    }
    return ExitCode.done;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
    destination.discard();
  }
}

function serverSource(flags: CatalogFlags, context: CommandContext): CatalogSource {
  const target = connectionTarget(flags, context);
  return {
    command: walctlCommand(["catalog"], target),
    exportTo: async (writer) => {
      await withConnection(target, "ordinary", context.stop, async (client) => {
        requireKnownVersion(await readServerVersion(client), "the server");
        await exportCatalog(client, (rows) => writer.write(rows));
      });
    },
  };
}

function dataDirSource(
  { dbname, host, port, username }: CatalogFlags,
  folder: string,
  reporter: Reporter,
): CatalogSource {
  if (dbname === undefined || dbname === "" || /=|^postgres(ql)?:\/\//.test(dbname)) {
    throw usageError("--data-dir takes the name of a database: -d NAME");
  }
  if ((host ?? port ?? username) !== undefined) {
    throw usageError("--data-dir reads files: -h, -p and -U have nothing to connect to");
  }
  return {
    command: `walctl catalog --data-dir ${shellQuote(folder)} -d ${shellQuote(dbname)}`,
    exportTo: async (writer) => {
      const { readDataDir } = await import("./data-dir.ts");
      await writer.writeFile(readDataDir(folder, dbname, (warning) => reporter.warn(warning)));
    },
  };
}

async function printSummary(
  { header, counts }: CatalogWriter,
  output: OutputOptions,
  context: CommandContext,
): Promise<void> {
  const { renderCatalogTable } = await import("../../render/reports/catalog.ts");
  const report = {
    database: header.database,
    oid: header.database_oid,
    encoding: header.encoding,
    version: header.server_version_num,
    systemIdentifier: header.system_identifier,
    timeline: header.timeline,
    lsn: formatPosition(header.lsn),
    time: header.time,
    counts,
  };
  await print(context, renderCatalogTable(report, output));
}

/** For the hint. */
function fileName(database: string): string {
  return /^[\w-]+$/.test(database) ? `${database}.catalog` : "FILE";
}
