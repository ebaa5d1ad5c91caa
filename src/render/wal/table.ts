import type { PgTime } from "../../pg-time.ts";
import { describeRecord } from "./detail/describe.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { FORK_NAMES } from "../../postgres/records/files.ts";
import { HeapOperation, heapOperation, readTruncate } from "../../postgres/records/heap.ts";
import { endKind, isBehindFiles } from "../../postgres/records/transaction.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { RelationName, RelationNames } from "../../wal/relation-name.ts";
import { Rmgr, recordNames } from "../../postgres/records/rmgrs.ts";
import { recordTime } from "../../wal/times.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import { type Look, type Paint, type Palette, createPalette } from "../terminal/painted.ts";
import { ShortNames } from "../cells/names.ts";
import { recoveryTargets } from "../cells/recovery.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { cutToWidth, textWidth } from "../terminal/text-width.ts";
import { ExpandedRecord } from "./expanded.ts";
import { FieldList, formatForPeople } from "./field-list.ts";
import { formatCount } from "../cells/numbers.ts";

/** Of a line for each record; with less each takes two. */
const WIDTH_MIN = 64;
/** A terminal that says that it is narrower is lying. */
const WIDTH_LEAST = 20;
const WIDTH_MAX = 200;
const BYTES_WIDTH = 7;
const IMAGES_WIDTH = 7;
const GAP = "  ";
/** Times are printed up to milliseconds. */
const TIME_LENGTH = "2026-11-25 01:49:05.186".length;

interface Columns {
  /** Position and xid share a column: either may be long. */
  readonly position: number;
  readonly record: number;
  readonly table: number;
}

/** The widths for 80 columns are 17, 20, 24 and the figures; with up to 200 columns they grow. */
function columnsFor(width: number): Columns {
  const room = Math.min(width, WIDTH_MAX) - 80;
  const position = 17 + Math.max(0, Math.min(room, 11));
  const record = 20 + Math.max(0, Math.min(Math.floor((room - 11) / 3), 14));
  const figures = BYTES_WIDTH + IMAGES_WIDTH + 2 * GAP.length;
  return { position, record, table: room + 79 - figures - position - record };
}

export interface RecordTableOptions {
  readonly names: RelationNames;
  readonly width: () => number;
  readonly look: Look;
  readonly expanded: boolean;
}

/** Prints records for people: a line or a box each. */
export class RecordTable {
  readonly #options: RecordTableOptions;
  readonly #palette: Palette;
  readonly #names: ShortNames;
  #text = "";
  #headed = false;

  constructor(options: RecordTableOptions) {
    this.#options = options;
    this.#palette = createPalette(options.look);
    this.#names = new ShortNames(this.#palette.glyphs.ellipsis);
  }

  record(record: WalRecord, version: WalVersion): void {
    const width = this.#options.width();
    if (this.#options.expanded) {
      const box = new ExpandedRecord(width, this.#palette);
      this.#text += box.render(this.#headOf(record, version), this.#fieldsOf(record, version));
      return;
    }
    if (width < WIDTH_MIN) {
      this.#text += `${this.#twoLines(record, version, Math.max(width, WIDTH_LEAST))}\n`;
      return;
    }
    const columns = columnsFor(width);
    if (!this.#headed) this.#text += this.#palette.quiet(headLine(columns)) + "\n";
    this.#headed = true;
    this.#text += `${this.#line(record, version, columns)}\n`;
  }

  take(): Uint8Array {
    const text = this.#text;
    this.#text = "";
    return Buffer.from(text);
  }

  #line(record: WalRecord, version: WalVersion, columns: Columns): string {
    const names = recordNames(version);
    const id = names.id(record.rmgr, record.info);
    const type = `${names.rmgr(id)} ${names.type(id)}`;
    const paint = paintOf(names.type(id), this.#palette);
    const position = formatPosition(record.lsn);
    const xid = record.xid === 0 ? "" : ` ${record.xid}`;
    const first = position + xid.padStart(Math.max(columns.position - position.length, 0));
    // A long position takes space from the name.
    const over = Math.max(first.length - columns.position, 0);
    const name = this.#names.within(type, columns.record - over);
    const images = record.imageBytes === 0 ? "" : formatCount(record.imageBytes);
    const bytes = formatCount(record.length);
    // A large byte count takes space from the table's name.
    const room = Math.min(columns.table, columns.table + BYTES_WIDTH - 1 - bytes.length);
    const about = this.#aboutWithin(record, version, room);
    const line = [
      first,
      paint(name) + " ".repeat(columns.record - over - textWidth(name)),
      about + bytes.padStart(columns.table + BYTES_WIDTH - textWidth(about)),
    ];
    return (line.join(GAP) + images.padStart(IMAGES_WIDTH)).trimEnd();
  }

  /** For a narrow terminal. */
  #twoLines(record: WalRecord, version: WalVersion, width: number): string {
    const names = recordNames(version);
    const id = names.id(record.rmgr, record.info);
    const xid = record.xid === 0 ? "" : ` ${record.xid}`;
    const first = `${formatPosition(record.lsn)}${xid} `;
    const type = `${names.rmgr(id)} ${names.type(id)}`;
    const name = this.#names.within(type, width - first.length);
    const paint = paintOf(names.type(id), this.#palette);
    const bytes = `${formatCount(record.length)} bytes`;
    const images =
      record.imageBytes === 0 ? "" : `, ${formatCount(record.imageBytes)} of them images`;
    const about = this.#aboutWithin(record, version, width - 2 * GAP.length - bytes.length);
    const second = GAP + (about === "" ? "" : about + GAP) + bytes;
    const fits = second.length + images.length <= width;
    return `${first}${paint(name)}\n${second}${fits ? images : ""}`;
  }

  #aboutWithin(record: WalRecord, version: WalVersion, width: number): string {
    const { name, text = "" } = this.#aboutOf(record, version);
    if (name !== undefined) return this.#names.within(sanitizeLine(name), width);
    return cutToWidth(text, width, this.#palette.glyphs.ellipsis);
  }

  /** The record's time, otherwise its table, otherwise what else is known. */
  #aboutOf(
    record: WalRecord,
    version: WalVersion,
  ): { readonly name?: string; readonly text?: string } {
    const time = recordTime(record, version);
    if (time !== undefined) return { text: shortTime(time) };
    const [block] = record.blocks;
    if (record.blockCount > 0 && block !== undefined) {
      const { names } = this.#options;
      const name = names.nameOf(block.tablespace, block.database, block.relfilenode);
      return name === undefined ? { text: fileOf(block) } : { name: nameOf(name) };
    }
    const isTruncate =
      record.rmgr === Rmgr.heap && heapOperation(record) === HeapOperation.truncate;
    return isTruncate ? { text: truncated(record) } : {};
  }

  #headOf(record: WalRecord, version: WalVersion): string {
    const names = recordNames(version);
    const id = names.id(record.rmgr, record.info);
    const xid = record.xid === 0 ? "" : ` ${this.#palette.glyphs.dot} xid ${record.xid}`;
    return `${formatPosition(record.lsn)} ${names.rmgr(id)} ${names.type(id)}${xid}`;
  }

  #fieldsOf(record: WalRecord, version: WalVersion): readonly (readonly [string, string])[] {
    const list = new FieldList();
    list.position("end", record.endLsn);
    list.position("previous", record.prevLsn);
    list.text("bytes", formatCount(record.length));
    if (record.imageBytes > 0) list.text("images", formatCount(record.imageBytes));
    if (record.topXid !== 0) list.number("top_xid", record.topXid);
    if (record.originId !== undefined) list.number("origin_id", record.originId);
    for (const block of record.blocks.slice(0, record.blockCount)) {
      list.text(`block_${block.id}`, this.#blockText(block));
    }
    unlessShort(() => describeRecord(record, version, list));
    return isCommit(record) ? [...list.fields, ...recoveryFields(record)] : list.fields;
  }

  #blockText(block: BlockReference): string {
    const { tablespace, database, relfilenode } = block;
    const name = this.#options.names.nameOf(tablespace, database, relfilenode);
    const fork = block.fork === 0 ? "" : ` ${FORK_NAMES[block.fork] ?? block.fork}`;
    const image = block.hasImage ? `, image of ${formatCount(block.imageBytes)} bytes` : "";
    const applied = block.hasImage && !block.imageApplied ? " (not applied)" : "";
    const label = name === undefined ? "" : `${nameOf(name)} `;
    return `${label}${tablespace}/${database}/${relfilenode}${fork} block ${block.block}${image}${applied}`;
  }
}

function headLine({ position, record, table }: Columns): string {
  const first = `lsn${"xid".padStart(position - 3)}`;
  const figures = "bytes".padStart(BYTES_WIDTH) + "images".padStart(IMAGES_WIDTH);
  return [first, "record".padEnd(record), "table".padEnd(table) + figures].join(GAP);
}

function shortTime(time: PgTime): string {
  return `${formatForPeople(time).slice(0, TIME_LENGTH)}Z`;
}

function fileOf({ database, relfilenode, block }: BlockReference): string {
  return `${database}/${relfilenode} block ${block}`;
}

/** The relation's own name: the index's if the record is about one. */
function nameOf({ schema, table, relation }: RelationName): string {
  const own = relation ?? table;
  return schema === null ? own : `${schema}.${own}`;
}

function truncated(record: WalRecord): string {
  const count = unlessShort(() => readTruncate(record.mainData()))?.relids.length ?? 0;
  return count === 1 ? "1 table" : `${count} tables`;
}

function isCommit(record: WalRecord): boolean {
  return record.rmgr === Rmgr.transaction && endKind(record) === "commit";
}

/** The settings for a recovery that stops just before the transaction. */
function recoveryFields(record: WalRecord): readonly (readonly [string, string])[] {
  const title = ["to stop before it", ""] as const;
  if (isBehindFiles(record)) {
    return [
      title,
      ["", "is too late: files of a database or tablespace were made"],
      ["", 'or removed before. See "A dropped database" in docs/wal.md'],
    ];
  }
  return [
    title,
    ...recoveryTargets(formatPosition(record.lsn), record.timeline).map(
      (line) => ["", line] as const,
    ),
  ];
}

/** The same colours as tail uses for the operation. */
function paintOf(type: string, palette: Palette): Paint {
  if (/^(HOT_)?UPDATE|^INPLACE/.test(type)) return palette.update;
  if (/^(MULTI_)?INSERT/.test(type)) return palette.insert;
  if (type.startsWith("DELETE")) return palette.delete;
  if (type.startsWith("TRUNCATE")) return palette.truncate;
  if (type.startsWith("COMMIT")) return palette.committed;
  if (type.startsWith("ABORT")) return palette.aborted;
  if (type === "PREPARE") return palette.pending;
  return type === "MESSAGE" ? palette.message : (text) => text;
}
