/* What -F sql does beside rendering: one script out of a whole run, its undo read backwards, what is refused. */
import { ExitCode, WalctlError } from "../../errors.ts";
import type { Sink } from "../../output/sink.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { type FaultCount, SqlScript, placeOf } from "../../render/formats/sql-script.ts";
import type { Backwards } from "../../render/formats/sql-lines.ts";
import type { TableNowOf } from "../../render/formats/sql-tables.ts";
import { SqlRenderer } from "../../render/formats/sql.ts";
import type { Spill } from "../../rows/pages/spill.ts";
import { readVersion } from "../../version.ts";
import type { Reporter } from "../../program/reporter.ts";
import type { TemporaryFiles } from "../../program/temporary-files.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";
import { tableMatcher } from "../filter/table-patterns.ts";
import type { Rendering, SqlFlags } from "./renderer.ts";

/** An undo keeps so much in memory, and writes what is older to a temporary file. */
const MEMORY_BYTES = 16 * 1024 * 1024;
/** It is read from there in such parts. */
const READ_BYTES = 1024 * 1024;
/** An error or a warning names so many tables. */
const NAMED_MAX = 10;

export class SqlRun {
  readonly script: SqlScript;
  readonly #files: TemporaryFiles;
  readonly #wanted: ReturnType<typeof tableMatcher>;
  readonly #tablesChanged: boolean;
  readonly #dryRun: boolean;
  /** Whether changes of the transaction that ends could not be read. */
  isLost: () => boolean = () => false;
  /** Where what was not read lies, if that is known. */
  unread: string | undefined;
  /** Of WAL, whose catalogue knows what tables are by now: an undo must not go to others. */
  refuseAltered: (now: TableNowOf) => void = () => {};

  constructor(
    { checked = false, undo = false, dryRun = false, tablesChanged = false }: SqlFlags,
    onlyTables: readonly TablePattern[],
    reporter: Pick<Reporter, "warn">,
    files: TemporaryFiles,
  ) {
    this.#files = files;
    this.#tablesChanged = tablesChanged;
    this.#dryRun = dryRun;
    this.#wanted = tableMatcher(onlyTables);
    const backwards = undo
      ? new Reversal(files.spill(), () => this.script.faults.size > 0)
      : undefined;
    this.script = new SqlScript(readVersion(), checked, backwards);
    this.script.onCaution = (message, hint) => reporter.warn({ message, hint });
  }

  /** The renderer of one stream or capture. */
  rendering(types: TypeRegistry): Rendering {
    const { script } = this;
    const wanted = this.#wanted;
    const tablesChanged = this.#tablesChanged;
    const isLost = (): boolean => this.isLost();
    const renderer = new SqlRenderer({ types, script, wanted, tablesChanged, isLost });
    this.refuseAltered = (now) => {
      if (script.backwards !== undefined) renderer.refuseAltered(now);
    };
    const finish = (): Uint8Array => {
      renderer.finish();
      return renderer.take();
    };
    return { renderer, live: () => undefined, finish };
  }

  /** What could not be printed must not be acknowledged, nor what comes behind it. */
  stopBehindBroken(stopWith: (error: WalctlError) => void): void {
    this.script.onBroken = () =>
      stopWith(
        new WalctlError("a transaction is not whole, so it is not acknowledged", {
          detail: named([...this.script.faults.values()]),
          hint: "To leave such changes out: --only, --only-table or --where. The slot still has the transaction: read it with -F ndjson and do by hand what the target lacks. Only then walctl advance-slot, to its end_lsn, passes over it.",
        }),
      );
  }

  /**
   * Once everything has come: prints an undo, and warns of transactions that are not to be run.
   * @param whole false: not everything was read, so that nothing may be undone
   * @param failed the exit status then
   * @throws WalctlError if something cannot be undone: taking back what came before and after it does harm
   */
  async end(whole: boolean, failed: ExitCode, sink: Sink, reporter: Reporter): Promise<ExitCode> {
    const { backwards, unfit } = this.script;
    const faults = [...this.script.faults.values()];
    const cut = faults.every(({ fault }) => fault === "it does not end in the input");
    if (backwards === undefined) {
      if (unfit === 0) return ExitCode.done;
      const transactions = unfit === 1 ? "1 transaction is" : `${unfit} transactions are`;
      reporter.warn({
        message: `${transactions} not whole, and printed with ROLLBACK at the end or as comments`,
        detail: named(faults),
        hint: faults.some(isOutOfOrder) ? IN_ORDER : undefined,
      });
      // The last transaction was cut by the end that was asked for, or by the capture's.
      return cut ? ExitCode.done : failed;
    }
    // A transaction that only damage has cut is not at fault.
    if (faults.length > 0 && (whole || !cut)) {
      throw new WalctlError("not all changes can be undone, so nothing is printed", {
        detail: named(faults),
        hint: cureOf(faults, this.script.isOfWal),
        exitCode: failed,
      });
    }
    if (!whole) {
      throw new WalctlError("not everything was read, so nothing is printed to undo it", {
        detail: this.unread,
        hint: "What is missing is named above. Add it, or give only the files behind it, or only those before; --only-table leaves out tables.",
        exitCode: failed,
      });
    }
    if (this.script.isEmpty) reporter.warn({ message: "no change was found that is to be undone" });
    let written = 0;
    for (const part of backwards.read()) {
      if (written === 0) await sink.write(Buffer.from(this.script.prelude()));
      await sink.write(part);
      written += part.length;
    }
    if (written > 0) await sink.write(Buffer.from(this.#dryRun ? this.#dryEnd : "COMMIT;\n"));
    return ExitCode.done;
  }

  /** psql prints the count although it is quiet. */
  get #dryEnd(): string {
    const { undone } = this.script;
    return (
      `SELECT ${undone} AS "changes in the script, and then rolled back";\n` +
      "ROLLBACK; -- --dry-run: nothing of it is kept\n"
    );
  }

  close(): void {
    this.#files.close();
  }
}

/** `UPDATE of public.t: its old row was not sent (12, the first in xid 758, commit_lsn 0/19D4F80).` */
function named(faults: readonly FaultCount[]): string {
  const names = faults.slice(0, NAMED_MAX).map(({ fault, verb, table, count, now, ...of }) => {
    const what = table === undefined ? verb : `${verb} of ${table}`;
    const place = placeOf(of);
    const first = place === "" ? "" : `, first in ${place}`;
    return `${what}: ${fault} (${count}${first}${now === undefined ? "" : `; it is now ${now}`})`;
  });
  if (faults.length > NAMED_MAX) names.push("…");
  return `${names.join("; ")}.`;
}

const REBUILT = "some of its changes could not be rebuilt";
/** NDJSON has what an undo may not leave out. */
const KNOWN_IN_PART: ReadonlySet<FaultCount["fault"]> = new Set([
  REBUILT,
  "it may have begun before the input",
  "its beginning is missing",
  "it does not end in the input",
  "it or its columns were renamed, dropped or given another type since",
  "a type of its columns was altered since",
  "ALTER COLUMN … TYPE rewrote its rows since",
] as const);

const IN_ORDER =
  "Give the files in the order in which they were written, and those of several servers to a run each.";

function isOutOfOrder({ fault }: FaultCount): boolean {
  return fault === "it committed before one that came earlier";
}

function cureOf(faults: readonly FaultCount[], isOfWal: boolean): string {
  const has = (fault: FaultCount["fault"]): boolean => faults.some((each) => each.fault === fault);
  const cures: string[] = [];
  if (
    has("its old row was not sent") ||
    has(REBUILT) ||
    has("not all of its columns, rows or operations are sent")
  ) {
    cures.push(
      isOfWal
        ? "Give --old full, and WAL from a checkpoint before these changes on: add earlier segments."
        : "Old rows are in WAL: walctl decode-file --catalog FILE --old full, from a checkpoint on. For the future: ALTER TABLE … REPLICA IDENTITY FULL.",
    );
  }
  const lacksBeginning =
    has("it may have begun before the input") || has("its beginning is missing");
  if (lacksBeginning || has("it does not end in the input")) {
    cures.push(
      isOfWal
        ? `Add ${lacksBeginning ? "earlier" : "later"} segments.`
        : "Add what comes before and after, or end between transactions: --since, --until, --endpos; --limit may cut one.",
    );
  }
  if (has("it has come before")) {
    cures.push(
      "Captures that overlap, or were written over a reconnection, hold it twice. Choose the others: --xid, or leave a capture out.",
    );
  }
  const isGone = has("a TRUNCATE has no inverse") || has("a DROP TABLE has no inverse");
  if (isGone) {
    cures.push(
      isOfWal
        ? "The rows of a TRUNCATE or DROP TABLE are only in a backup. Where its recovery has to stop: -F table -x --tables-changed in place of -F sql --undo."
        : "The rows of a TRUNCATE or DROP TABLE are only in a backup.",
    );
  }
  if (faults.some(({ fault }) => KNOWN_IN_PART.has(fault))) {
    cures.push(
      'The rows that are known: -F ndjson in place of -F sql --undo. "Rows that are known in part" in docs/wal.md puts them back.',
    );
  }
  // Filters of rows leave a transaction as it is.
  const leaves = isGone
    ? "--only insert,update,delete, or --only-table"
    : faults.some(({ fault, table }) => table !== undefined || fault === REBUILT)
      ? "--only, --only-table or --where"
      : "--xid, --since or --until";
  if (faults.some(isOutOfOrder)) cures.push(IN_ORDER);
  if (has("it may have come before")) {
    cures.push("Only 100,000 transactions are remembered: give captures in the order of the log.");
  }
  cures.push(`To leave them out: ${leaves}; the rest is then undone without them.`);
  return cures.join(" ");
}

/**
 * Keeps pieces in memory, and in a temporary file those for which there is no room. They fill the memory from its end on,
 * so that it holds them in the order in which they are read.
 */
class Reversal implements Backwards {
  readonly #file: Spill;
  /** Nothing will be printed. */
  readonly #refused: () => boolean;
  #memory: Buffer | undefined;
  #start = MEMORY_BYTES;
  /** Places in the file: each holds whole pieces, the last one first. */
  readonly #parts: Array<readonly [at: number, length: number]> = [];

  constructor(file: Spill, refused: () => boolean) {
    this.#file = file;
    this.#refused = refused;
  }

  push(bytes: Uint8Array): void {
    if (this.#refused()) return;
    const memory = (this.#memory ??= Buffer.allocUnsafeSlow(MEMORY_BYTES));
    if (bytes.length > this.#start) {
      this.#spill(memory.subarray(this.#start));
      this.#start = MEMORY_BYTES;
    }
    if (bytes.length > MEMORY_BYTES) return this.#spill(bytes);
    this.#start -= bytes.length;
    memory.set(bytes, this.#start);
  }

  #spill(part: Uint8Array): void {
    this.#parts.push([this.#file.write(part), part.length]);
  }

  *read(): Generator<Uint8Array, void, void> {
    if (this.#memory !== undefined) yield this.#memory.subarray(this.#start);
    for (const [at, length] of this.#parts.toReversed()) {
      for (let done = 0; done < length; done += READ_BYTES) {
        yield this.#file.read(at + done, new Uint8Array(Math.min(READ_BYTES, length - done)));
      }
    }
  }
}
