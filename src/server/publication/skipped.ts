import { WalctlError } from "../../errors.ts";
import { SqlState } from "../query/sqlstate.ts";

/** A NoticeResponse, as pg parses it. */
interface Notice {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** The function in the server's source. */
  readonly routine?: string | undefined;
}

const SQLSTATE = SqlState.objectNotInPrerequisiteState;
const ROUTINE = "LoadPublications";

/**
 * From PostgreSQL 18 on, the server only warns if a publication did not exist at the position in the log, and skips its
 * changes; earlier versions end the stream with undefined_object. Continuing would acknowledge changes that were never
 * sent. Undefined if the notice is about something else.
 */
export function skippedPublication({ code, message, routine }: Notice): WalctlError | undefined {
  if (code !== SQLSTATE || routine !== ROUTINE) return undefined;
  return new WalctlError(`the server skips changes: ${message ?? ""} (SQLSTATE ${SQLSTATE})`, {
    detail:
      "The publication did not exist when these changes were made: it was dropped, or created later than the slot. All before them has been printed, and the slot was not advanced past that.",
    hint: "A publication that had the tables at that time sends them: name it with -P. To go on without these changes: --allow-gap.",
  });
}
