/** Doctor's checks of the publications: data → checks. */
import { type Check, fail, ok, someOf, warning, withoutName } from "../../reports.ts";
import { didYouMean } from "../../errors.ts";
import { NO_SEQUENCES, hasSequencesOnly } from "../publication/plan.ts";
import { type IdentityFault, effectOf } from "../publication/replica-identity.ts";
import { LOCK_TIMEOUT } from "../publication/resolve.ts";
import { suggestionText } from "../publication/suggestion.ts";
import { quoteIdentifier, quoteIdentifierList, quoteQualified } from "../query/sql.ts";
import type { Administration } from "../settings/administration.ts";
import { psqlCommand } from "../target/paste.ts";
import type { ConnectionTarget } from "../target/target.ts";
import type { PublicationFacts, PublicationsFacts } from "./inspect-stream.ts";

/**
 * @param administration its admin may alter and grant
 * @param streamed the publications that a stream is to read, where that is asked
 */
export function publicationFindings(
  facts: PublicationsFacts,
  target: ConnectionTarget,
  { admin }: Administration,
  streamed: readonly string[] = [],
): readonly Check[] {
  if ("command" in facts) {
    const message = `there is none in database ${quoteIdentifier(target.database)}: nothing can be streamed. ${facts.words}`;
    return [warning("publication", message, facts.command)];
  }
  return [
    ...facts.map((each) => checkPublication(each, streamed.includes(each.name))),
    ...checkIdentities(facts, admin),
    ...checkReadable(facts, target.user, admin),
  ];
}

function checkPublication(
  { name, state, existing, tables, suggestion }: PublicationFacts,
  isStreamed: boolean,
): Check {
  const who = `publication ${quoteIdentifier(name)}`;
  if (state !== undefined && hasSequencesOnly(state)) return checkSequences(who, isStreamed);
  if (suggestion === undefined) {
    const excluded = (state?.excluded ?? []).map((table) =>
      quoteQualified(table.schema, table.name),
    );
    if (tables.length === 0) {
      const none =
        excluded.length === 0 ? "there are none" : "there are none but those it excludes";
      return warning("publication", `${who} publishes no tables yet: ${none}`, null);
    }
    const count = tables.length === 1 ? "1 table" : `${tables.length} tables`;
    const but = excluded.length === 0 ? "" : `, all but ${someOf(excluded)}`;
    const sequences = state?.allSequences === true ? `; all sequences, but ${NO_SEQUENCES}` : "";
    return ok("publication", `${who}: ${count}${but}${sequences}`);
  }
  const { words, command } = suggestion;
  if (state === undefined) {
    const unnamed = withoutName("publication", who);
    if (unnamed !== undefined) return unnamed;
    const others =
      existing.length === 0 ? "" : `; the database has ${quoteIdentifierList(existing)}`;
    return fail(
      "publication",
      `${who} does not exist${others}. ${didYouMean(name, existing, words)}`,
      command,
    );
  }
  // No command to paste: a subscription to the publication stops at a table that it does not have.
  const message = `${who} publishes no tables, so nothing is streamed. ${suggestionText(suggestion)}`;
  return warning("publication", message, null);
}

/** Subscriptions may need it; a stream gets nothing of it. */
function checkSequences(who: string, isStreamed: boolean): Check {
  const message = `${who}: all sequences and no tables; ${NO_SEQUENCES}`;
  if (!isStreamed) return ok("publication", message);
  return warning("publication", `${message}, so nothing is streamed of it`, null);
}

/** Nobody should wait for ever behind ALTER TABLE. */
const LOCK_TIMEOUT_SQL = `SET lock_timeout = '${LOCK_TIMEOUT}'`;

interface SharedFault extends IdentityFault {
  readonly publications: readonly string[];
}

/** A table's fault is one, however many publications it is in. */
function sharedFaults(facts: readonly PublicationFacts[]): readonly SharedFault[] {
  const faults = new Map<string, SharedFault>();
  for (const { name, identityFaults } of facts) {
    for (const fault of identityFaults) {
      const key = `${fault.cause}\n${fault.fix ?? fault.hint}`;
      const known = faults.get(key);
      const rejected = new Set([...(known?.rejected ?? []), ...fault.rejected]);
      faults.set(key, {
        ...fault,
        rejected: ["UPDATE", "DELETE"].filter((each) => rejected.has(each)),
        publications: [...(known?.publications ?? []), name],
      });
    }
  }
  return [...faults.values()];
}

function checkIdentities(
  facts: readonly PublicationFacts[],
  admin: ConnectionTarget,
): readonly Check[] {
  const groups = new Map<string, SharedFault[]>();
  for (const fault of sharedFaults(facts)) {
    const isAlike = fault.missing && fault.fix !== undefined;
    const key = isAlike ? fault.rejected.join() : `${fault.cause}\n${fault.hint}`;
    groups.set(key, [...(groups.get(key) ?? []), fault]);
  }
  return [...groups.values()].flatMap((group) => checkIdentity(group, admin));
}

/** Thirty tables without a key are one finding, with one command. */
function checkIdentity(
  [first, ...others]: readonly SharedFault[],
  admin: ConnectionTarget,
): readonly Check[] {
  if (first === undefined) return [];
  const faults = [first, ...others];
  const some = someOf(faults.map(({ table }) => table));
  const cause =
    faults.length === 1
      ? first.cause
      : `${faults.length} tables have no replica identity (${some})`;
  const by = publicationsText(faults.flatMap(({ publications }) => publications));
  const message = `${cause}: ${effectOf(first.rejected, faults.length)} (by ${by})`;
  const fixes = faults.flatMap(({ fix }) => fix ?? []);
  return [
    fixes.length === 0
      ? fail("replica_identity", `${message}. ${first.hint}`, null)
      : fail("replica_identity", message, psqlCommand([LOCK_TIMEOUT_SQL, ...fixes], admin)),
  ];
}

function publicationsText(names: readonly string[]): string {
  const different = [...new Set(names)];
  const word = different.length === 1 ? "publication" : "publications";
  return `${word} ${someOf(different.map(quoteIdentifier))}`;
}

/** Streaming needs only REPLICATION, but copying the tables first needs SELECT. */
function checkReadable(
  facts: readonly PublicationFacts[],
  user: string,
  admin: ConnectionTarget,
): readonly Check[] {
  const found = facts.flatMap(({ name, tables }) =>
    tables.filter(({ readable }) => !readable).map((table) => ({ name, ...table })),
  );
  if (found.length === 0) return [];
  const hidden = [...new Set(found.map(({ schema, table }) => quoteQualified(schema, table)))];
  const schemas = [...new Set(found.map(({ schema }) => schema))];
  const role = quoteIdentifier(user);
  const usage = `GRANT USAGE ON SCHEMA ${schemas.map(quoteIdentifier).join(", ")} TO ${role}`;
  const select = `GRANT SELECT ON ${hidden.join(", ")} TO ${role}`;
  const who = publicationsText(found.map(({ name }) => name));
  return [
    warning(
      "role_select",
      `${who}: the role may not read ${someOf(hidden)}; streaming works, copying the tables first does not`,
      psqlCommand(`${usage}; ${select}`, admin),
    ),
  ];
}
