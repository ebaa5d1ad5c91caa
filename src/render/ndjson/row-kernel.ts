import type { Relation, RowChange } from "../../postgres/messages/messages.ts";
import { type Global, loadKernel } from "../../kernels.ts";
import { ByteWriter, type Piece, type TextKernel } from "../bytes/byte-writer.ts";
import { writeString } from "../bytes/json-text.ts";
import { elementEncoders } from "../values/arrays.ts";
import { writeJson } from "../values/json-value.ts";
import type { RelationPlan } from "../values/relation-plan.ts";
import { writeTimestamp, writeTimestampTz } from "../values/timestamps.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";
import { writeBoolean, writeNumber } from "../values/values.ts";

/** The kinds of columns that the kernel knows: src/kernel/values.ts. */
const KINDS = new Map<ValueEncoder | undefined, number>([
  [writeString, 0],
  [writeNumber, 1],
  [writeBoolean, 2],
  [writeJson, 3],
  [writeTimestamp, 4],
  [writeTimestampTz, 5],
]);
const ARRAY = 8;

/** Up to the end of its output, and a little more. */
const MEMORY_BYTES = 9_830_400;
/** Half of the kernel's table. */
const PLANS_MAX = 128;
const PLAN_WORDS = 6;
const COLUMN_WORDS = 4;
/** What the kernel reads beyond a text's end. */
const PADDING = 16;
/** The kernel keeps room for heads of lines, which are far shorter. */
const HEAD_BYTES_MAX = 3000;
/** After many attempts in vain, up to so many rows are left to JavaScript before the next one. */
const REST_MAX = 64;

/** src/kernel/rows.ts */
interface KernelExports extends TextKernel {
  readonly HEADS: Global;
  readonly PLANS: Global;
  readonly PLANS_END: Global;
  readonly INPUT: Global;
  readonly INPUT_BYTES: Global;
  readonly OUTPUT: Global;
  readonly OUTPUT_BYTES: Global;
  readonly at: Global;
  readonly last: Global;
  readonly written: Global;
  forget(): void;
  learn(plan: number): void;
  render(start: number, end: number, output: number, separated: number): void;
}
/** Renders rows in WebAssembly, which takes a fraction of the time (src/kernel/rows.ts). One may serve many captures. */
export class RowKernel {
  readonly #kernel: KernelExports;
  readonly #memory: Uint8Array;
  readonly #words: DataView;
  readonly #texts = new ByteWriter(1024);
  /** The tables that came, and whether the kernel knows them: from their second row on it does, if it can. */
  readonly #seen = new Map<Relation, boolean>();
  #known = 0;
  #plansEnd: number;
  #bytes: Uint8Array = new Uint8Array();
  /** Of the bytes, what is in the kernel's memory. */
  #from = 0;
  #to = 0;
  /** How many attempts were in vain since the last one that was not, and how many rows to leave to JavaScript now. */
  #vain = 0;
  #rest = 0;
  /** The offset of the last row printed. */
  last = 0;

  /** @throws as loadKernel() */
  constructor() {
    const { buffer, exports } = loadKernel("rows", MEMORY_BYTES);
    this.#kernel = exports as KernelExports;
    this.#memory = new Uint8Array(buffer);
    this.#words = new DataView(buffer);
    this.#plansEnd = this.#kernel.PLANS.value;
  }

  attach(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#from = 0;
    this.#to = 0;
  }

  /** Forgets the tables: they or their types may be other ones from now on. */
  forget(): void {
    if (this.#seen.size === 0) return;
    this.#seen.clear();
    this.#known = 0;
    this.#plansEnd = this.#kernel.PLANS.value;
    this.#kernel.forget();
  }

  /** Call it for each row that JavaScript prints. */
  learn(relation: Relation, plan: RelationPlan): void {
    const known = this.#seen.get(relation);
    if (known === true) return;
    if (known === undefined) {
      if (this.#seen.size >= PLANS_MAX) this.forget();
      this.#seen.set(relation, false);
      return;
    }
    this.#seen.set(relation, true);
    if (relation.announced) this.#add(relation, plan);
  }

  #add({ oid }: Relation, { head, columns, keyed }: RelationPlan): void {
    const kinds = columns.map(({ encode }) => kindOf(encode));
    const texts = this.#texts;
    const start = this.#plansEnd + 4 * (PLAN_WORDS + COLUMN_WORDS * columns.length);
    const place = (text: Piece): readonly [at: number, length: number] => {
      const at = start + texts.offset;
      texts.piece(text);
      return [at, text.length];
    };
    const words = [oid, columns.length, ...place(head), Number(keyed)];
    const keys = columns.map(({ key }) => place(key));
    words.push(keys.reduce((sum, [, length]) => sum + length, 0));
    for (const [index, key] of keys.entries()) {
      words.push(...key, kinds[index] ?? 0, Number(columns[index]!.identity));
    }
    const end = start + texts.offset + PADDING;
    const fits = end <= this.#kernel.PLANS_END.value && head.length <= HEAD_BYTES_MAX;
    const bytes = texts.take();
    if (!fits || kinds.includes(undefined)) return;
    for (const [index, word] of words.entries()) {
      this.#words.setUint32(this.#plansEnd + index * 4, word, true);
    }
    this.#memory.set(bytes, start);
    this.#kernel.learn(this.#plansEnd);
    this.#plansEnd = (end + 7) & ~7;
    this.#known++;
  }

  /** The beginnings of the lines in this transaction, up to the table. */
  heads(of: (out: ByteWriter, kind: RowChange["kind"]) => void): void {
    const texts = this.#texts;
    const start = this.#kernel.HEADS.value + 24;
    let from = 0;
    for (const [index, kind] of (["insert", "update", "delete"] as const).entries()) {
      of(texts, kind);
      this.#words.setUint32(this.#kernel.HEADS.value + index * 8, start + from, true);
      this.#words.setUint32(this.#kernel.HEADS.value + index * 8 + 4, texts.offset - from, true);
      from = texts.offset;
    }
    this.#memory.set(texts.take(), start);
  }

  /** Whether an attempt may be worth its while. */
  get ready(): boolean {
    if (this.#known === 0) return false;
    if (this.#rest === 0) return true;
    this.#rest--;
    return false;
  }

  /** Writes to the kernel's memory, as long as there is room. */
  writer(): ByteWriter {
    const { OUTPUT, OUTPUT_BYTES } = this.#kernel;
    const bytes = Buffer.from(this.#memory.buffer, OUTPUT.value, OUTPUT_BYTES.value);
    return new ByteWriter({ bytes, kernel: this.#kernel });
  }

  /** Writes the lines of the rows from `start` on that the kernel knows, and returns where it stopped. */
  print(out: ByteWriter, start: number, separated: boolean): number {
    const kernel = this.#kernel;
    // The writer needed more room than the kernel has.
    if (out.bytes.buffer !== this.#memory.buffer) return start;
    if (start < this.#from || start >= this.#to) this.#load(start);
    const shift = kernel.INPUT.value - this.#from;
    const first = kernel.OUTPUT.value;
    kernel.render(start + shift, this.#to + shift, first + out.offset, Number(separated));
    const at = kernel.at.value - shift;
    this.last = kernel.last.value - shift;
    out.offset = kernel.written.value - first;
    this.#vain = at > start ? 0 : this.#vain + 1;
    this.#rest = Math.min(this.#vain >> 3, REST_MAX);
    return at;
  }

  /** Copies the bytes from `start` on to the kernel's memory, as far as they fit. */
  #load(start: number): void {
    this.#from = start;
    this.#to = Math.min(this.#bytes.length, start + this.#kernel.INPUT_BYTES.value);
    this.#memory.set(this.#bytes.subarray(start, this.#to), this.#kernel.INPUT.value);
  }
}

function kindOf(encode: ValueEncoder): number | undefined {
  const kind = KINDS.get(encode);
  if (kind !== undefined) return kind;
  const element = KINDS.get(elementEncoders.get(encode));
  return element === undefined ? undefined : ARRAY + element;
}
