/** doctor: the slots, and whether a slot can see the publications. */
import type { Client } from "pg";
import { type Check, fail, ok, warning } from "./check.ts";
import { walctlCommand } from "./paste.ts";
import { PLUGIN } from "./slot.ts";
import { slotFaults } from "./slot-faults.ts";
import { type SlotHealth, readSlotSettings, readSlots } from "./slot-health.ts";
import { quoteIdentifier, quoteTextArray } from "./sql.ts";
import { queryRows } from "./statement.ts";
import type { ConnectionTarget } from "./target.ts";

/** @param only the names to look at; none: all of the server. `publications`: likewise, of the database */
export async function checkSlots(
  client: Client,
  target: ConnectionTarget,
  only: readonly string[],
  publications: readonly string[],
): Promise<readonly Check[]> {
  const all = await readSlots(client);
  const settings = await readSlotSettings(client);
  const slots = only.length === 0 ? all : all.filter(({ slot }) => only.includes(slot));
  const missing = only.filter((name) => !all.some(({ slot }) => slot === name));
  const checks = [
    ...missing.map((name) =>
      fail("slot", `slot "${name}" does not exist`, walctlCommand(["create-slot", name], target)),
    ),
    ...slots.flatMap((slot) =>
      slotFaults(slot, settings, target).map(({ severity, message, fix }): Check => {
        const text = `slot "${slot.slot}": ${message}`;
        return severity === "fail" ? fail("slot", text, fix) : warning("slot", text, fix);
      }),
    ),
  ];
  const order = await checkOrder(client, target, slots, publications);
  if (checks.length > 0) return [...checks, ...order];
  const count = slots.length === 1 ? "1 slot" : `${slots.length} slots`;
  return [
    ok("slot", slots.length === 0 ? "there is none yet" : `${count}, none at fault`),
    ...order,
  ];
}

/**
 * A slot sees a publication only from where that was created. The catalogue does not tell when that was, but the
 * transaction that wrote its row last: one that is not older than all that the slot still needs may come after it.
 */
async function checkOrder(
  client: Client,
  target: ConnectionTarget,
  slots: readonly SlotHealth[],
  publications: readonly string[],
): Promise<readonly Check[]> {
  const names = slots
    .filter(
      ({ plugin, database, wal_status: state }) =>
        plugin === PLUGIN && database === target.database && state !== "lost",
    )
    .map(({ slot }) => slot);
  const some =
    publications.length === 0 ? "" : `AND p.pubname = ANY (${quoteTextArray(publications)})`;
  const pairs = await queryRows<{ slot: string; publication: string }>(
    client,
    `SELECT s.slot_name::text AS slot, p.pubname::text AS publication
     FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_publication p
     WHERE s.slot_name = ANY (${quoteTextArray(names)}) ${some}
       AND age(p.xmin) BETWEEN 0 AND age(s.catalog_xmin)
     ORDER BY 1, 2`,
    "compare the slots with the publications",
  );
  return pairs.map(({ slot, publication }) => {
    const renew = `${walctlCommand(["drop-slot", slot], target)} && ${walctlCommand(["create-slot", slot], target)}`;
    return warning(
      "slot_order",
      `publication ${quoteIdentifier(publication)} was created or altered after the position of slot "${slot}": what committed before that cannot be decoded with it; if the stream fails for it, make the slot anew`,
      renew,
    );
  });
}
