import { formatPosition } from "../../postgres/pages/position.ts";

/** Why relations may be unexplained: the catalogue is unknown from this position on, or up to it. */
export interface CatalogBreak {
  readonly lsn: number;
  /** The catalogue is unknown before `lsn`: it was exported later. */
  readonly before: boolean;
  readonly message: string;
  readonly hint: string;
}

const NEW_EXPORT = "Export the catalogue again now: walctl catalog.";

/** Of a transaction that began before the input. */
export function changedBefore(lsn: number, before: boolean): CatalogBreak {
  return {
    lsn,
    before,
    message: `a transaction that may have begun before the WAL changed the catalogue, and committed at ${formatPosition(lsn)}: what its tables and types were ${before ? "before" : "from there on"} is not known`,
    hint: before ? "Add earlier segments." : `${NEW_EXPORT} Or add earlier segments.`,
  };
}

export function unknownFile(lsn: number, catalog: string): CatalogBreak {
  return {
    lsn,
    before: false,
    message: `${catalog} was rewritten at ${formatPosition(lsn)}, and not all of its new file is in the WAL`,
    hint: `${NEW_EXPORT} Or add WAL from before the rewrite.`,
  };
}

export function unknownRow(lsn: number, catalog: string): CatalogBreak {
  return {
    lsn,
    before: false,
    message: `a row of ${catalog} changed at ${formatPosition(lsn)}, and its page is not known`,
    hint: `${NEW_EXPORT} Or add WAL from the checkpoint before.`,
  };
}

/** Its files are others there: it was moved to another tablespace, or another database had its oid. */
export function otherDatabase(
  lsn: number,
  what: "moved" | "dropped" | "created",
  before: boolean,
): CatalogBreak {
  const cause = {
    moved: "ALTER DATABASE … SET TABLESPACE",
    dropped: "DROP DATABASE",
    created: "CREATE DATABASE",
  };
  const side = before ? "before" : "after";
  return {
    lsn,
    before,
    message: `${cause[what]} at ${formatPosition(lsn)}: ${side} it tables may have been other ones`,
    hint: before
      ? "Rows before it need a catalogue file from before it."
      : "Rows behind it need a catalogue file from after it: walctl catalog.",
  };
}

export function missingRecords(lsn: number, before: boolean): CatalogBreak {
  const side = before ? "before" : "after";
  return {
    lsn,
    before,
    message: `WAL is missing at ${formatPosition(lsn)}: ${side} it tables may have been other ones`,
    hint: before
      ? "Rows before it need a catalogue file from before it."
      : "Give a catalogue file from after the gap: walctl catalog.",
  };
}
