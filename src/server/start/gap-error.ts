import { WalctlError } from "../../errors.ts";
import type { Gap } from "./continuity.ts";
import type { SessionNews } from "./options.ts";
import { SqlState } from "../query/sqlstate.ts";

const HINT =
  "To go on with what the server has now, without what is missing: --allow-gap. What is missing has to come from elsewhere, such as a new copy of the tables.";

/** The stream cannot continue without a gap that the output would not show. */
export class GapError extends WalctlError {
  readonly gap: Gap;

  constructor(gap: Gap) {
    super(gap.what, { detail: gap.detail, hint: HINT });
    this.gap = gap;
  }
}

/** Warns of a gap that --allow-gap permits. */
export function warnOfGap(news: SessionNews, { gap }: GapError): void {
  news.warn({ message: gap.what, detail: gap.detail });
}

/** The standby will catch up: try again. */
export class StandbyBehind extends Error {
  override readonly name = "StandbyBehind";
  readonly code = SqlState.cannotConnectNow;
}
