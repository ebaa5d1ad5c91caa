import type {
  LogicalMessage,
  Relation,
  RowChange,
  TableChanged,
  Truncate,
  UnknownMessage,
} from "../../pgoutput/messages.ts";
import { quoteByte } from "../../pgoutput/tuple.ts";
import { formatRelation, formatRelationName } from "../values/identifier.ts";
import {
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  type Palette,
} from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { flow, type Piece } from "./flow.ts";
import { acrossLayout, type Layout } from "./frame.ts";
import { countOf } from "./numbers.ts";
import { describeRow, PIECE_GAP } from "./row.ts";
import { bareLine, formatBytes, lineToQuote, looksEscaped, quote, readStart } from "./value.ts";
import type { Canvas } from "./view.ts";
import { startWithin, textWidth } from "../terminal/text-width.ts";

/** What happened to what, and how: one row of the table, before it has its place in it. */
export interface Event {
  readonly operation: Painted;
  /** In lines. */
  readonly subject: readonly Painted[];
  /** In lines. */
  readonly detail: readonly Painted[];
  /** All of it is in lines across, not in cells. */
  readonly across?: boolean;
}

export function rowEvent(message: RowChange, canvas: Canvas): Event {
  const { layout, palette } = canvas;
  const limits = { width: layout.detail, linesMax: layout.detailLinesMax };
  const { pieces, total } = describeRow(message, limits, canvas);
  return {
    operation: describeOperation(message.kind, palette),
    subject: describeRelation(message.relation, layout, palette.table),
    detail: flow(pieces, total, limits, moreOf("column", canvas)),
  };
}

export function truncateEvent(message: Truncate, canvas: Canvas): Event {
  const { palette } = canvas;
  const { relations, cascade, restartIdentity } = message;
  const [only] = relations;
  const single = relations.length === 1 && only !== undefined;
  const tables = single ? [] : relations.map(formatRelationName);
  const { layout, across } = layoutOf(single ? only : undefined, tables, canvas);
  const flags = [
    ...(restartIdentity ? ["RESTART IDENTITY"] : []),
    ...(cascade ? ["CASCADE"] : []),
  ].map((flag) => pieceOf(flag, layout, palette.truncate));
  const pieces = [...tables.map((name) => pieceOf(name, layout, palette.table)), ...flags];
  const limits = { width: layout.detail, linesMax: layout.detailLinesMax };
  return {
    operation: OPERATIONS.truncate(palette),
    subject: single
      ? describeRelation(only, layout, palette.table)
      : [painted(`${relations.length} tables`, palette.table)],
    detail: flow(pieces, pieces.length, limits, moreOf("table", { ...canvas, layout })),
    across,
  };
}

/** What pg_logical_emit_message wrote: often an event for somebody, so it may take the lines of a whole row. */
export function messageEvent(message: LogicalMessage, { layout, palette }: Canvas): Event {
  const lines = describeContent(message.content, layout);
  if (!message.transactional) {
    lines.push(paintedWithin("(not part of a transaction)", layout.detail, palette.quiet));
  }
  return {
    operation: OPERATIONS.message(palette),
    subject: [paintedWithin(sanitizeLine(message.prefix), layout.relation, palette.table)],
    detail: lines,
  };
}

export function unknownEvent(message: UnknownMessage, { layout, palette }: Canvas): Event {
  const bytes = `${countOf(message.bytes.length, "byte")}: ${formatBytes(message.bytes, layout.detail)}`;
  return {
    operation: OPERATIONS.unknown(palette),
    subject: [painted(`tag ${quoteByte(message.tag)}`)],
    detail: [paintedWithin(bytes, layout.detail)],
  };
}

export function alterEvent(relation: Relation, changes: readonly string[], canvas: Canvas): Event {
  const { palette } = canvas;
  const { layout, across } = layoutOf(relation, changes, canvas);
  const limits = { width: layout.detail, linesMax: layout.detailLinesMax };
  const pieces = changes.map((change) => pieceOf(change, layout, palette.quiet));
  return {
    operation: OPERATIONS.alter(palette),
    subject: describeRelation(relation, layout, palette.quiet),
    detail: flow(pieces, pieces.length, limits, moreOf("change", { ...canvas, layout })),
    across,
  };
}

const ACTIONS = {
  created: "± CREATED",
  dropped: "± DROPPED",
  rewritten: "± REWRITTEN",
  truncated: "× TRUNCATED",
} as const;

export function tableChangedEvent(message: TableChanged, canvas: Canvas): Event {
  const { palette } = canvas;
  const { relation, action, relfilenode, oldRelfilenode: old } = message;
  const file = old === undefined ? `file ${relfilenode}` : `file ${old} → ${relfilenode}`;
  // The words are longer than the cell of an operation.
  const layout = canvas.layout.stacked ? canvas.layout : acrossLayout(canvas.layout);
  const paint = action === "truncated" ? palette.truncate : palette.quiet;
  return {
    operation: painted(ACTIONS[action], paint),
    subject: describeRelation(relation, layout, palette.table),
    detail: [paintedWithin(file, layout.detail, palette.quiet)],
    across: !canvas.layout.stacked,
  };
}

/** Where the name has room, which nothing else tells of this table, and so have the details. */
export function layoutOf(
  relation: Relation | undefined,
  details: readonly string[],
  { layout }: Canvas,
): { readonly layout: Layout; readonly across: boolean } {
  const name = relation === undefined ? "" : formatRelationName(relation);
  const fits =
    textWidth(name) <= layout.relation &&
    details.every((detail) => textWidth(detail) <= layout.detail);
  if (fits || layout.stacked) return { layout, across: false };
  return { layout: acrossLayout(layout), across: true };
}

const OPERATIONS = {
  insert: (palette: Palette) => painted("+ INSERT", palette.insert),
  update: (palette: Palette) => painted("~ UPDATE", palette.update),
  delete: (palette: Palette) => painted("- DELETE", palette.delete),
  truncate: (palette: Palette) => painted("× TRUNCATE", palette.truncate),
  message: (palette: Palette) => painted("» MESSAGE", palette.message),
  unknown: (palette: Palette) => painted("? UNKNOWN", palette.unknown),
  alter: (palette: Palette) => painted("± ALTERED", palette.quiet),
} as const;

/** Its sign and its name: without colours they say the same. */
export function describeOperation(kind: keyof typeof OPERATIONS, palette: Palette): Painted {
  return OPERATIONS[kind](palette);
}

/** Schema and table on one line, else on two: the name that tells tables apart is the last to be cut. */
export function describeRelation(relation: Relation, layout: Layout, paint: Paint): Painted[] {
  const name = formatRelationName(relation);
  if (!relation.announced || textWidth(name) <= layout.relation) {
    return [paintedWithin(name, layout.relation, paint)];
  }
  const { schema, table } = formatRelation(relation);
  return [
    paintedWithin(`${schema}.`, layout.relation, paint),
    paintedWithin(table, layout.relation, paint),
  ];
}

function describeContent(content: Uint8Array, layout: Layout): Painted[] {
  const { detail: width, detailLinesMax: linesMax } = layout;
  if (content.length === 0) return [painted("''")];
  const start = readStart(content, width * linesMax);
  if (start.text === undefined) {
    const bytes = `${countOf(content.length, "byte")}: ${formatBytes(content, width)}`;
    return [paintedWithin(bytes, width)];
  }
  const lines: Painted[] = [];
  const bare = bareLine(start);
  let rest = looksEscaped(start, bare) ? quote(lineToQuote(start)) : bare;
  while (rest !== "" && lines.length < linesMax) {
    const line = startWithin(rest, width);
    rest = rest.slice(line.length);
    const cut = lines.length + 1 === linesMax && (rest !== "" || !start.whole);
    lines.push(painted(cut ? `${startWithin(line, width - 1)}…` : line));
  }
  return lines;
}

function moreOf(what: string, { layout, palette }: Canvas): (count: number) => Piece {
  return (count) => pieceOf(`… +${countOf(count, what)}`, layout, palette.quiet);
}

function pieceOf(text: string, layout: Layout, paint: Paint): Piece {
  return { ...paintedWithin(text, layout.detail, paint), gap: PIECE_GAP, cut: undefined };
}
