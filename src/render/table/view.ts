import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { Palette } from "../terminal/painted.ts";
import type { TableNames } from "../cells/names.ts";
import type { TimeMode, Times } from "../cells/times.ts";

/** The user's choice of what to show. */
export interface TableView {
  /** One column on each line with whole values, like psql's \x. */
  readonly expanded: boolean;
  /** Only these columns and the key; undefined for all. */
  readonly columns: ReadonlySet<string> | undefined;
  /** The widest value in terminal columns; undefined for a width that suits the terminal. */
  readonly valueWidthMax: number | undefined;
  /** The number of a transaction's rows to show; the rest is counted. Infinity for all. */
  readonly collapseAfter: number;
  readonly time: TimeMode;
  /** About how many lines of rows to show at once, of all transactions; the rest is counted. Infinity for all. */
  readonly burstLines: number;
}

export const WHOLE_VIEW: TableView = {
  expanded: false,
  columns: undefined,
  valueWidthMax: undefined,
  collapseAfter: Number.POSITIVE_INFINITY,
  time: "utc",
  burstLines: Number.POSITIVE_INFINITY,
};

/** What all drawing needs. */
export interface Canvas {
  readonly palette: Palette;
  readonly view: TableView;
  readonly types: TypeRegistry;
  readonly times: Times;
  readonly names: TableNames;
}
