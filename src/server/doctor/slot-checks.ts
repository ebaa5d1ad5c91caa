/** doctor: the slots, and whether a slot can see the publications. */
import type { Client } from "pg";
import type { Administration } from "../settings/administration.ts";
import { type Check, fail, ok, warning } from "./check.ts";
import { walctlCommand } from "../target/paste.ts";
import { PLUGIN } from "../slot/slot.ts";
import { nameBeside } from "../slot/beside.ts";
import { slotFaults } from "../slot/faults.ts";
import { type SlotHealth, readSlotSettings, readSlots } from "../slot/health.ts";
import { quoteIdentifier, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** @param only the names to look at; none: all of the server. `publications`: likewise, of the database */
export async function checkSlots(
  client: Client,
  target: ConnectionTarget,
  administration: Administration,
  only: readonly string[],
  publications: readonly string[],
): Promise<readonly Check[]> {
  const all = await readSlots(client);
  const names = all.map(({ slot }) => slot);
  const around = { settings: await readSlotSettings(client), administration, names };
  const slots = only.length === 0 ? all : all.filter(({ slot }) => only.includes(slot));
  const missing = only.filter((name) => !names.includes(name));
  const checks = [
    ...missing.map((name) =>
      fail("slot", `slot "${name}" does not exist`, walctlCommand(["create-slot", name], target)),
    ),
    ...slots.flatMap((slot) =>
      slotFaults(slot, around, target).map(({ severity, message, fix }): Check => {
        const text = `slot "${slot.slot}": ${message}`;
        return severity === "fail" ? fail("slot", text, fix) : warning("slot", text, fix);
      }),
    ),
  ];
  // Which slot is read for which publication the server does not know: only who asks for both tells.
  const asked = only.length > 0 && publications.length > 0;
  const order = asked ? await checkOrder(client, target, all, only, publications) : [];
  if (checks.length > 0) return [...checks, ...order];
  const count = slots.length === 1 ? "1 slot" : `${slots.length} slots`;
  return [
    ok("slot", slots.length === 0 ? "there is none yet" : `${count}, none at fault`),
    ...order,
  ];
}

/**
 * A slot sees a publication only from where that was created. The catalogue does not tell when that was, but the
 * transaction that wrote its row last: one that is older than all that the slot still needs came before it. Of any
 * other that is not known: a slot that is made while an older one is there may need as much as that.
 */
async function checkOrder(
  client: Client,
  target: ConnectionTarget,
  all: readonly SlotHealth[],
  asked: readonly string[],
  publications: readonly string[],
): Promise<readonly Check[]> {
  const usable = all.filter(
    ({ slot, plugin, database, wal_status: state }) =>
      asked.includes(slot) && plugin === PLUGIN && database === target.database && state !== "lost",
  );
  const slots = quoteTextArray(usable.map(({ slot }) => slot));
  const pairs = await queryRows<{ slot: string; publication: string }>(
    client,
    `SELECT s.slot_name::text AS slot, p.pubname::text AS publication
     FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_publication p
     WHERE s.slot_name = ANY (${slots})
       AND p.pubname = ANY (${quoteTextArray(publications)})
       AND pg_catalog.age(p.xmin) BETWEEN 0 AND pg_catalog.age(s.catalog_xmin)
     ORDER BY 1, 2`,
    "compare the slots with the publications",
  );
  const names = new Set(all.map(({ slot }) => slot));
  return pairs.map(({ slot, publication }) => {
    const what = `whether publication ${quoteIdentifier(publication)} was there before the position of slot "${slot}" is not known; if it was not, what committed before it cannot be decoded for it, and stays in the slot`;
    // Nothing has to give way: another slot, beside it, sees the publication.
    const beside = nameBeside(slot, []);
    if (names.has(beside)) {
      return warning("slot_order", `${what}; slot "${beside}" is there, too`, null);
    }
    const another = walctlCommand(["create-slot", beside], target);
    return warning(
      "slot_order",
      `${what}; should a stream fail for it, a second slot sees it, from now on`,
      another,
    );
  });
}
