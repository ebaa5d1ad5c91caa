import { AttributeState, DeformedTuple, type StoredTuple } from "../../postgres/tuples/tuple.ts";
import { TupleWriter } from "../../postgres/stored/tuple-writer.ts";
import {
  type ExternalValue,
  externalValue,
  varlenaForm,
  varlenaPayload,
} from "../../postgres/tuples/varlena.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { PlannedColumn, TablePlan } from "./table-plans.ts";

/** Returns the value if its chunks are available. */
export type ResolveExternal = (value: ExternalValue) => Uint8Array | undefined;

/** Writes stored rows as pgoutput sends them. A result is valid until the next row. */
export class RowWriter {
  readonly #out = new TupleWriter();
  readonly #deformed = new DeformedTuple();
  /** The last row is older than a column whose value there is not known. */
  lacksValue = false;
  /** The values of the last row that are stored out of line and not available: column, TOAST relation and value id. */
  readonly unresolved: number[] = [];

  get hasUnresolved(): boolean {
    return this.unresolved.length > 0;
  }

  /** Undefined if the tuple does not fit the table, or a value is damaged: the row is then unknown. */
  write(tuple: StoredTuple, plan: TablePlan, resolve: ResolveExternal): TupleData | undefined {
    this.lacksValue = false;
    this.unresolved.length = 0;
    if (!this.#deformed.deform(tuple, plan.table.attributes)) return undefined;
    const out = this.#out;
    out.begin();
    for (const column of plan.columns) {
      if (!this.#column(tuple.bytes, column, resolve)) return undefined;
    }
    return out.tuple();
  }

  #column(
    bytes: Uint8Array,
    { index, attribute, write, writeMissing }: PlannedColumn,
    resolve: ResolveExternal,
  ): boolean {
    const { starts, ends, state } = this.#deformed;
    const out = this.#out;
    switch (state[index]) {
      case AttributeState.null:
        out.null();
        return true;
      case AttributeState.absent:
        this.lacksValue = !writeMissing(out);
        return !this.lacksValue;
      default:
    }
    const start = starts[index]!;
    const end = ends[index]!;
    if (attribute.length >= 0) return write(bytes, start, end, out);
    if (attribute.length === -2) return write(bytes, start, end - 1, out);
    switch (varlenaForm(bytes, start)) {
      case "short":
        return write(bytes, start + 1, end, out);
      case "plain":
        return write(bytes, start + 4, end, out);
      case "compressed": {
        const payload = varlenaPayload(bytes, start, end);
        return payload !== undefined && write(payload, 0, payload.length, out);
      }
      case "external": {
        const value = externalValue(bytes, start);
        const payload = resolve(value);
        if (payload === undefined) {
          out.unchanged();
          this.unresolved.push(index, value.toastRelation, value.valueId);
          return true;
        }
        return write(payload, 0, payload.length, out);
      }
      case undefined:
        return false;
    }
  }
}
