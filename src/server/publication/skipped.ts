import { WalctlError } from "../../errors.ts";
import { SqlState } from "../query/sqlstate.ts";

/** What pg says of a NoticeResponse. */
interface Notice {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** The server's function. */
  readonly routine?: string | undefined;
}

const SQLSTATE = SqlState.objectNotInPrerequisiteState;
const ROUTINE = "LoadPublications";

/**
 * From PostgreSQL 18 on the server passes over the changes of a publication that does not exist where the log is
 * being read, with no more than a warning; before, the stream ends with an error (undefined_object). To go on would be to
 * acknowledge what was never sent. Undefined: the notice is about something else.
 */
export function skippedPublication({ code, message, routine }: Notice): WalctlError | undefined {
  if (code !== SQLSTATE || routine !== ROUTINE) return undefined;
  return new WalctlError(`the server skips changes: ${message ?? ""} (SQLSTATE ${SQLSTATE})`, {
    detail:
      "The publication did not exist when these changes were made: it was dropped, or created later than the slot. All before them has been printed, and the slot was not advanced past that.",
    hint: "A publication that had the tables at that time sends them: name it with -P. To go on without these changes: --allow-gap.",
  });
}
