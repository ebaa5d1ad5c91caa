import { type WalFault, recordFault } from "./pages/faults.ts";
import { UNKNOWN } from "./pages/page-cursor.ts";
import { formatPosition } from "./pages/position.ts";

/** What the link of the record that comes next has to be: each record tells where the one before it starts. */
export class RecordLinks {
  /** Start of the record before; UNKNOWN: not known yet. */
  previous = UNKNOWN;
  /** The last record before a gap: what comes behind it links to that or to a later one. */
  #floor = 0;

  /** What comes next does not follow the record before. */
  break(): void {
    this.#floor = Math.max(this.previous, this.#floor);
    this.previous = UNKNOWN;
  }

  /** Behind damage the record before is not known, but lies in the range that is skipped: old bytes have another link. */
  fault(lsn: number, link: number, behindDamage: boolean): WalFault | undefined {
    const known = !behindDamage && this.previous !== UNKNOWN;
    const floor = Math.max(this.previous, this.#floor);
    if (known ? link === this.previous : link < lsn && link >= floor) return undefined;
    const expected = known ? `not ${formatPosition(this.previous)}` : "which is not just before it";
    return recordFault(lsn, `previous record is ${formatPosition(link)}, ${expected}`);
  }
}
