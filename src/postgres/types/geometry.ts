import type { BinaryReader } from "./binary-reader.ts";
import { float8 } from "./floats.ts";
import { type BuiltinType, alike, builtin } from "./type.ts";

const POINT_BYTES = 16;

/** Float8 x  Float8 y */
function point(reader: BinaryReader): string {
  return `(${float8(reader)},${float8(reader)})`;
}

/** Two points */
function lseg(reader: BinaryReader): string {
  return `[${point(reader)},${point(reader)}]`;
}

/** Two points: the upper right corner, the lower left one */
function box(reader: BinaryReader): string {
  return `${point(reader)},${point(reader)}`;
}

/** Float8 A  Float8 B  Float8 C */
function line(reader: BinaryReader): string {
  return `{${float8(reader)},${float8(reader)},${float8(reader)}}`;
}

/** A point, and  Float8 radius */
function circle(reader: BinaryReader): string {
  return `<${point(reader)},${float8(reader)}>`;
}

/** Byte1 whether it is closed  Int32 points  { point }×n */
function path(reader: BinaryReader): string {
  const closed = reader.uint8() !== 0;
  return formatPath(closed, points(reader, reader.count(POINT_BYTES)));
}

function formatPath(closed: boolean, text: string): string {
  return closed ? `(${text})` : `[${text}]`;
}

/** Int32 points  { point }×n */
function polygon(reader: BinaryReader): string {
  return `(${points(reader, reader.count(POINT_BYTES))})`;
}

/** The next `length` points, for which there is room. */
function points(reader: BinaryReader, length: number): string {
  return Array.from({ length }, () => point(reader)).join(",");
}

/** Int32 points  Int32 is it closed  4 bytes of padding  { point }×n */
function storedPath(reader: BinaryReader): string {
  const length = reader.uint32();
  const closed = reader.uint32() !== 0;
  reader.advance(4);
  return formatPath(closed, pointsThatFit(reader, length));
}

const BOX_BYTES = 32;

/** Int32 points  its bounding box  { point }×n */
function storedPolygon(reader: BinaryReader): string {
  const length = reader.uint32();
  reader.advance(BOX_BYTES);
  return `(${pointsThatFit(reader, length)})`;
}

function pointsThatFit(reader: BinaryReader, length: number): string {
  if (length * POINT_BYTES !== reader.end - reader.offset) throw reader.unfit();
  return points(reader, length);
}

export const SHAPES: readonly BuiltinType[] = [
  builtin(600, "point", 1017, "other", alike(point)),
  builtin(601, "lseg", 1018, "other", alike(lseg)),
  builtin(602, "path", 1019, "other", { sent: path, stored: storedPath }),
  builtin(603, "box", 1020, "other", alike(box, { delimiter: ";" })),
  builtin(604, "polygon", 1027, "other", { sent: polygon, stored: storedPolygon }),
  builtin(628, "line", 629, "other", alike(line)),
  builtin(718, "circle", 719, "other", alike(circle)),
];
