import { WalctlError } from "../../errors.ts";
import { Interruption } from "../query/causes.ts";
import type { Gap } from "./continuity.ts";
import type { SessionNews } from "./options.ts";

const HINT =
  "To go on with what the server has now, without what is missing: --allow-gap. What is missing has to come from elsewhere, such as a new copy of the tables.";

/** The stream cannot continue without a gap that the output would not show. */
export class GapError extends WalctlError {
  readonly gap: Gap;

  constructor(gap: Gap) {
    super(gap.what, {
      detail: gap.detail,
      hint: gap.hint === undefined ? HINT : `${gap.hint} ${HINT}`,
      cause: new Interruption("gap", gap.what),
    });
    this.gap = gap;
  }
}

/** Warns of a gap that --allow-gap permits. */
export function warnOfGap(news: SessionNews, { gap }: GapError): void {
  news.warn({ message: gap.what, detail: gap.detail });
}
