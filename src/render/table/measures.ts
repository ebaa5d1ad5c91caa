/*
 * How wide and how long the parts of the table view are, in columns and lines of the terminal.
 *
 *   10:57:43 797 ┌ ~ orders 1    status=new → paid  total=9 → 12  … 3 more, 12 NULL
 *   │time    xid │ │ │      key  │                  │             └ rest
 *   └─ gutter ───┴ │ └ subject   └ piece            └ piece, behind a gap
 *                  └ sign
 *                └ mark: ┌ │ └ join the lines of a transaction
 *
 * Behind the gutter a line has a column for sign and subject, then what fits of the pieces; further lines begin at the
 * indent. What is left out is counted by the rest. Rows of one kind and table are a grid below their subject:
 *
 *   10:57:43 798 ┌ + orders      status  total
 *                │   2           new         7
 *                └   3           new        11
 */
import { type Painted, painted } from "../terminal/painted.ts";

/** The page: without a terminal it has the first of these. */
export const PAGE_WIDTH_DEFAULT = 80;
/** Nothing is readable at a smaller width, and a terminal that reports one is wrong. */
export const PAGE_WIDTH_MIN = 20;
/** Below this, time and xid of a transaction stand above its rows, not beside them. */
export const GUTTER_PAGE_MIN = 64;
/** From this width on, times have milliseconds. */
export const MILLISECONDS_PAGE_MIN = 100;

/** Sign and the space behind it. */
export const SIGN_WIDTH = 2;
export const INDENT = 2;
export const GAP: Painted = painted("  ");

/** The subject's column grows up to such a share of the page, within these bounds. */
export const SUBJECT_SHARE = 1 / 4;
export const SUBJECT_WIDTH_MIN = 18;
export const SUBJECT_WIDTH_MAX = 44;
/** The width for a key behind the table's name, if keys are short. */
export const KEY_WIDTH = 7;
/** Of a column. */
export const NAME_WIDTH_MAX = 30;

/** The lines of a change at most; one line of a wide row would show almost nothing. */
export const LINES_MAX = 4;
/** If there is less room than this, a text is drawn below its subject. */
export const BESIDE_MIN = 24;
/** A value in a piece. */
export const VALUE_WIDTH = 40;
/** The smallest part of a cut value that is worth the rest of a line. */
export const CUT_WIDTH_MIN = 16;
export const CUT_CHANGE_WIDTH_MIN = 40;
export const SHORT_WIDTH_MIN = 12;
export const SHORT_CHANGE_WIDTH_MIN = 20;
/** The most places in JSON to show: if more changed, the two values are easier to read. */
export const PLACES_MAX = 3;
export const PLACES_EXPANDED_MAX = 12;

/** Fewer rows of one kind and table are lines of their own. */
export const GRID_ROWS_MIN = 3;
/** Candidates for the widest cell: the first one with which all columns fit is used. */
export const CELL_WIDTHS = [60, 40, 28, 20, 14, 9] as const;
/** A text's cell is never narrower where it has to be cut. */
export const CELL_TEXT_WIDTH_MIN = 14;
export const HEADER_WIDTH_MAX = 24;
export const HEADER_WIDTH_MIN = 8;
export const NULL_WIDTH = "NULL".length;
/** The width kept for the text behind the last column; less is not worth using. */
export const GRID_REST_WIDTH = 12;

/** An expanded row: `  ~ name │ value`, the mark of a change with two spaces before it, and a bar. */
export const EXPANDED_MARK_WIDTH = 4;
export const EXPANDED_BAR_WIDTH = 3;
export const EXPANDED_LINES_MAX = 8;

/** A thousand partitions must not take a thousand lines: of changes that were counted and not shown, and of a burst. */
export const HIDDEN_TABLES_MAX = 10;
export const BURST_TABLES_MAX = 8;
