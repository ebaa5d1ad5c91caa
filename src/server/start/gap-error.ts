import { WalctlError } from "../../errors.ts";
import type { Gap } from "./continuity.ts";
import type { SessionNews } from "./options.ts";
import { SqlState } from "../query/sqlstate.ts";

const HINT =
  "To go on with what the server has now, without what is missing: --allow-gap. What is missing has to come from elsewhere, such as a new copy of the tables.";

/** The stream cannot go on without a gap that the output would not show. */
export class GapError extends WalctlError {
  readonly gap: Gap;

  constructor(gap: Gap) {
    super(gap.what, { detail: gap.detail, hint: HINT });
    this.gap = gap;
  }
}

/** It is known, and allowed. */
export function warnOfGap(news: SessionNews, { gap }: GapError): void {
  news.warn({ message: gap.what, detail: gap.detail });
}

/** It will have caught up: to be tried again. */
export class StandbyBehind extends Error {
  override readonly name = "StandbyBehind";
  readonly code = SqlState.cannotConnectNow;
}
