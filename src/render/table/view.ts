import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import type { Palette } from "../terminal/painted.ts";
import type { TableNames } from "../cells/names.ts";
import type { TimeMode, Times } from "../cells/times.ts";

/** What a person asked to see of the changes. */
export interface TableView {
  /** One column a line, whole values, as psql's \x. */
  readonly expanded: boolean;
  /** Only these columns, and the key. Undefined: all. */
  readonly columns: ReadonlySet<string> | undefined;
  /** Of a value, in terminal columns. Undefined: what suits the terminal. */
  readonly valueWidthMax: number | undefined;
  /** Rows of a transaction that are shown before the rest is only counted. Infinity: all. */
  readonly collapseAfter: number;
  readonly time: TimeMode;
  /** Rows that are shown at once before they are only counted; of a lasting stream a tenth a second. Infinity: all. */
  readonly burstRows: number;
}

export const WHOLE_VIEW: TableView = {
  expanded: false,
  columns: undefined,
  valueWidthMax: undefined,
  collapseAfter: Number.POSITIVE_INFINITY,
  time: "utc",
  burstRows: Number.POSITIVE_INFINITY,
};

/** What everything is drawn with. */
export interface Canvas {
  readonly palette: Palette;
  readonly view: TableView;
  readonly types: TypeRegistry;
  readonly times: Times;
  readonly names: TableNames;
}
