import type { BinaryReader } from "./binary-reader.ts";
import { float8 } from "./floats.ts";

export const POINT_BYTES = 16;

/** Float8 x  Float8 y */
export function point(reader: BinaryReader): string {
  return `(${float8(reader)},${float8(reader)})`;
}

/** Two points */
export function lseg(reader: BinaryReader): string {
  return `[${point(reader)},${point(reader)}]`;
}

/** Two points: the upper right corner, the lower left one */
export function box(reader: BinaryReader): string {
  return `${point(reader)},${point(reader)}`;
}

/** Float8 A  Float8 B  Float8 C */
export function line(reader: BinaryReader): string {
  return `{${float8(reader)},${float8(reader)},${float8(reader)}}`;
}

/** A point, and  Float8 radius */
export function circle(reader: BinaryReader): string {
  return `<${point(reader)},${float8(reader)}>`;
}

/** Byte1 whether it is closed  Int32 points  { point }×n */
export function path(reader: BinaryReader): string {
  const closed = reader.uint8() !== 0;
  return formatPath(closed, points(reader, reader.count(POINT_BYTES)));
}

export function formatPath(closed: boolean, text: string): string {
  return closed ? `(${text})` : `[${text}]`;
}

/** Int32 points  { point }×n */
export function polygon(reader: BinaryReader): string {
  return `(${points(reader, reader.count(POINT_BYTES))})`;
}

/** The next `length` points, for which there is room. */
export function points(reader: BinaryReader, length: number): string {
  return Array.from({ length }, () => point(reader)).join(",");
}
