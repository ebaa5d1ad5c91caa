import { GAP, LINES_MAX } from "./measures.ts";
import { formatLsn, type Lsn } from "../../lsn.ts";
import { SEQUENCE_LOGGED_AHEAD } from "../../postgres/records/files.ts";
import type {
  LogicalMessage,
  Relation,
  SequenceState,
  TableChanged,
  Truncate,
  UnknownMessage,
} from "../../postgres/messages/messages.ts";
import { quoteByte } from "../../postgres/messages/tuple.ts";
import {
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  type Palette,
} from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import type { Piece, Rest } from "./flow.ts";
import { countOf } from "../cells/numbers.ts";
import { recoveryTargets } from "../cells/recovery.ts";
import { moreOf } from "./row.ts";
import { signOfCount } from "./tally.ts";
import {
  drawWritten,
  paintText,
  readStart,
  startOfTokens,
  writeHex,
  writeText,
} from "../cells/value.ts";
import type { Canvas } from "./view.ts";

/** A line to be drawn: what happened, and to what. */
export interface Event {
  readonly sign: Painted;
  /** The table, or a text. */
  readonly subject: Relation | string;
  readonly paint: Paint;
  /** Laid out as they fit, unless there are `lines`. */
  readonly pieces: (width: number) => readonly Piece[];
  readonly rest: Rest;
  readonly linesMax: number;
  readonly lines?: (width: number) => readonly Painted[];
}

/** Four lines of a terminal hold less. */
const SHOWN_BYTES_MAX = 1 << 18;
const NO_REST: Rest = () => undefined;

export function truncateEvent(message: Truncate, canvas: Canvas): Event {
  const { palette, names } = canvas;
  const { relations, cascade, restartIdentity } = message;
  for (const relation of relations) names.see(relation);
  const [only] = relations;
  const single = relations.length === 1 && only !== undefined;
  const tables = single ? [] : relations.map((relation) => names.full(relation));
  const flags = [...(restartIdentity ? ["RESTART IDENTITY"] : []), ...(cascade ? ["CASCADE"] : [])];
  return {
    sign: signOf("truncate", palette),
    subject: single ? only : `${relations.length} tables`,
    paint: palette.table,
    pieces: (width) => [
      ...(single ? [] : tables.map((name) => pieceOf(name, width, palette, palette.table))),
      ...flags.map((flag) => pieceOf(flag, width, palette, palette.truncate)),
    ],
    rest: moreOf("table", canvas),
    linesMax: LINES_MAX,
  };
}

/** A message of pg_logical_emit_message(). It is often meant for a person, so it may take several lines. */
export function messageEvent(message: LogicalMessage, canvas: Canvas): Event {
  const { palette } = canvas;
  const { length } = message.content;
  const start = startOf(message.content);
  return {
    sign: signOf("message", palette),
    subject: describePrefix(message.prefix),
    paint: palette.table,
    pieces: () => [],
    rest: NO_REST,
    linesMax: LINES_MAX,
    lines: (width) => {
      const lines = describeContent(start, length, width, palette);
      if (message.transactional) return lines;
      return [
        ...lines,
        paintedWithin("(not part of a transaction)", width, palette, palette.quiet),
      ];
    },
  };
}

export function unknownEvent(message: UnknownMessage, { palette }: Canvas): Event {
  const { length } = message.bytes;
  const start = startOf(message.bytes);
  return {
    sign: painted("?", palette.unknown),
    subject: `tag ${quoteByte(message.tag)}`,
    paint: palette.strong,
    pieces: () => [],
    rest: NO_REST,
    linesMax: 1,
    lines: (width) => [drawBytes(start, length, width, palette)],
  };
}

export function alterEvent(relation: Relation, changes: readonly string[], canvas: Canvas): Event {
  const { palette } = canvas;
  return {
    sign: signOf("alter", palette),
    subject: relation,
    paint: palette.quiet,
    pieces: (width) => changes.map((change) => pieceOf(change, width, palette, palette.quiet)),
    rest: moreOf("change", canvas),
    linesMax: LINES_MAX,
  };
}

/** From WAL only: a table's file was created, dropped or replaced. */
export function tableChangedEvent(message: TableChanged, canvas: Canvas): Event {
  const { palette } = canvas;
  const { relation, action, relfilenode, oldRelfilenode: old } = message;
  const kind = action === "truncated" ? "truncate" : "alter";
  const sign = signOf(kind, palette);
  const file =
    old === undefined ? String(relfilenode) : `${old} ${palette.glyphs.arrow} ${relfilenode}`;
  const paint = kind === "truncate" ? palette.truncate : palette.quiet;
  return {
    sign,
    subject: relation,
    paint: palette.table,
    pieces: (width) => [
      pieceOf(action.toUpperCase(), width, palette, paint),
      pieceOf(`file ${file}`, width, palette, palette.quiet),
    ],
    rest: moreOf("detail", canvas),
    linesMax: LINES_MAX,
  };
}

/** From WAL only. */
export function sequenceEvent(message: SequenceState, canvas: Canvas): Event {
  const { palette } = canvas;
  const { relation, lastValue, isCalled, mayBeAhead } = message;
  canvas.names.see(relation);
  const remarks = [
    ...(isCalled ? [] : ["not called"]),
    ...(mayBeAhead ? [`up to ${SEQUENCE_LOGGED_AHEAD} increments ahead`] : []),
  ];
  return {
    sign: signOf("sequence", palette),
    subject: relation,
    paint: palette.table,
    pieces: (width) => [
      pieceOf(`last_value ${lastValue}`, width, palette),
      ...remarks.map((remark) => pieceOf(remark, width, palette, palette.quiet)),
    ],
    rest: moreOf("detail", canvas),
    linesMax: LINES_MAX,
  };
}

/** From WAL only: the settings for a recovery that stops just before the transaction. */
export function recoveryEvent(commitLsn: Lsn, timeline: number, { palette }: Canvas): Event {
  const targets = recoveryTargets(formatLsn(commitLsn), timeline);
  return {
    sign: painted(" "),
    subject: "to stop before it",
    paint: palette.quiet,
    pieces: () => [],
    rest: NO_REST,
    linesMax: targets.length,
    lines: (width) => targets.map((line) => paintedWithin(line, width, palette)),
  };
}

/** The signs say the same without colours. */
export function signOf(
  kind: "insert" | "update" | "delete" | "truncate" | "message" | "sequence" | "alter",
  palette: Palette,
): Painted {
  if (kind === "alter") return painted(palette.glyphs.alter, palette.quiet);
  return painted(signOfCount(kind, palette.glyphs), palette[kind]);
}

function pieceOf(text: string, width: number, palette: Palette, paint?: Paint): Piece {
  return { ...paintedWithin(text, width, palette, paint), gap: GAP, cut: undefined };
}

function describePrefix(prefix: string): string {
  const bytes = Buffer.from(prefix);
  return writeText({ text: prefix, bytes, whole: true }, bytes.length).text;
}

/** A copy of what may be shown: the message's own bytes are valid only now, and lines are drawn later. */
function startOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes.subarray(0, SHOWN_BYTES_MAX));
}

function describeContent(
  content: Uint8Array,
  length: number,
  width: number,
  palette: Palette,
): Painted[] {
  if (length === 0) return [painted("''")];
  const start = readStart(content, width * LINES_MAX);
  if (start.text === undefined) return [drawBytes(content, length, width, palette)];
  const written = writeText(start, length);
  // On lines of its own, a text without escapes needs no quotes.
  const bare = !written.escaped && !/^['"\s]|\\|\s$/.test(start.text);
  let rest = bare ? sanitizeLine(start.text) : written.text;
  const lines: Painted[] = [];
  const draw = (text: string): Painted => ({
    text: paintText(text, written.escaped, palette, undefined),
    width: textWidth(text),
  });
  while (rest !== "" && lines.length < LINES_MAX - 1) {
    const line = startOfTokens(rest, width) || rest.slice(0, 1);
    rest = rest.slice(line.length);
    lines.push(draw(line));
  }
  if (rest !== "" || !start.whole) {
    const quoted = !bare;
    const text = start.whole && quoted ? rest.slice(0, -1) : rest;
    const last = { ...written, text, quoted, whole: false };
    lines.push(
      start.whole && textWidth(rest) <= width ? draw(rest) : drawWritten(last, width, palette),
    );
  }
  return lines;
}

function drawBytes(bytes: Uint8Array, length: number, width: number, palette: Palette): Painted {
  const size = `${countOf(length, "byte")}: `;
  const { text, whole } = writeHex(bytes, width);
  return paintedWithin(`${size}${text}${whole ? "" : palette.glyphs.ellipsis}`, width, palette);
}
