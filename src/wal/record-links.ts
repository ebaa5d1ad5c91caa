import { type WalFault, recordFault } from "../postgres/pages/faults.ts";
import { NO_POSITION } from "../postgres/pages/page-cursor.ts";
import { formatPosition } from "../postgres/pages/position.ts";

/** Checks the link of each record: it has to point to the start of the record before. */
export class RecordLinks {
  /** Start of the record before; NO_POSITION if not known yet. */
  previous = NO_POSITION;
  /** The last record before a gap: a record behind the gap links to it or to a later one. */
  #floor = 0;

  /** The next record does not follow the one before. */
  break(): void {
    this.#floor = Math.max(this.previous, this.#floor);
    this.previous = NO_POSITION;
  }

  /** Behind damage, the record before is unknown but inside the skipped range. Old bytes have links to elsewhere. */
  fault(lsn: number, link: number, behindDamage: boolean): WalFault | undefined {
    const known = !behindDamage && this.previous !== NO_POSITION;
    const floor = Math.max(this.previous, this.#floor);
    if (known ? link === this.previous : link < lsn && link >= floor) return undefined;
    const expected = known ? `not ${formatPosition(this.previous)}` : "which is not just before it";
    return recordFault(lsn, `previous record is ${formatPosition(link)}, ${expected}`);
  }
}
