import {
  NOTHING,
  joined,
  type Painted,
  painted,
  paintedWithin,
  type Palette,
} from "../terminal/painted.ts";
import type { Event } from "./event.ts";
import { flow } from "./flow.ts";
import { Frame, type Layout, layoutFor } from "./frame.ts";
import type { Parts } from "./transaction.ts";

const INDENT = painted("  ");

/**
 * Draws rows as they come, in the box of a transaction or without one. A box's upper border is drawn with
 * its first row, so that an empty transaction has no box and an Origin is in time for the title.
 */
export class BoxDrawer {
  readonly #palette: Palette;
  #frame: Frame;
  #title: Parts | null = null;
  #open = false;
  #text = "";

  constructor(width: number, palette: Palette) {
    this.#palette = palette;
    this.#frame = new Frame(layoutFor(width), palette.quiet);
  }

  get layout(): Layout {
    return this.#frame.layout;
  }

  /** Rows drawn from now on follow the terminal; the box that is open changes its width in between. */
  resize(width: number): void {
    const layout = layoutFor(width);
    if (layout.width !== this.#frame.layout.width)
      this.#frame = new Frame(layout, this.#palette.quiet);
  }

  /** A box begins, once there is something in it. */
  announce(title: Parts): void {
    this.close([]);
    this.#title = title;
  }

  /** More for the title; too late for that, a line in the box. */
  addToTitle(parts: Parts): void {
    if (this.#title !== null) this.#title = [...this.#title, ...parts];
    else this.lines(parts);
  }

  event(event: Event): void {
    this.#drawTitle();
    const { stacked, relation, inner } = this.#frame.layout;
    if (event.across === true) return this.block(stack(event, inner));
    const { operation, subject, detail } = event;
    const cells = stacked ? [stack(event, relation)] : [[operation], subject, detail];
    this.#text += this.#frame.cells(cells, this.#open);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Lines as they are, no wider than the layout's `inner`. */
  block(lines: readonly Painted[]): void {
    this.#drawTitle();
    this.#text += this.#frame.lines(lines, this.#open);
  }

  /** A border across the box, before the next row. */
  divide(parts: Parts): void {
    this.#drawTitle();
    const [line = NOTHING] = this.#layOut(parts);
    this.#text += this.#frame.divider(line);
  }

  /** Ends the box with `footer` in its lower border. False: nothing was in it, and nothing is drawn. */
  close(footer: Parts): boolean {
    this.#title = null;
    if (!this.#open) return false;
    this.#open = false;
    const lines = this.#layOut(footer);
    const last = lines.pop() ?? NOTHING;
    if (lines.length > 0) this.#text += this.#frame.lines(lines, true);
    this.#text += this.#frame.bottom(last);
    return true;
  }

  /** Lines by themselves: in the box if one is open. */
  lines(parts: Parts): void {
    this.#drawTitle();
    const [first = NOTHING, ...others] = this.#layOut(parts);
    const lines = [first, ...others.map((line) => joined(INDENT, line))];
    this.#text += this.#frame.lines(lines, this.#open);
  }

  /** What was drawn since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #drawTitle(): void {
    if (this.#title === null) return;
    const [first = NOTHING, ...others] = this.#layOut(this.#title);
    this.#title = null;
    this.#open = true;
    this.#text += this.#frame.top(first);
    if (others.length > 0) this.#text += this.#frame.lines(others, true);
  }

  #layOut(parts: Parts): Painted[] {
    const gap = painted(" · ", this.#palette.quiet);
    const width = this.#frame.titleWidth;
    const pieces = parts.map(({ text, paint }) => ({
      ...paintedWithin(text, width, paint),
      gap,
      cut: undefined,
    }));
    const limits = { width, linesMax: parts.length };
    return flow(pieces, pieces.length, limits, () => ({
      ...NOTHING,
      gap: NOTHING,
      cut: undefined,
    }));
  }
}

/** Operation and subject on one line, or on two, and the detail below. */
function stack({ operation, subject, detail }: Event, width: number): Painted[] {
  const [name = NOTHING] = subject;
  const beside = subject.length === 1 && operation.width + 1 + name.width <= width;
  const head = beside ? [joined(operation, painted(" "), name)] : [operation, ...subject];
  return [...head, ...detail.map((line) => joined(INDENT, line))];
}
