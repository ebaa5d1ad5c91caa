/** For hints: a new slot beside one that cannot be used. Replacing that one could lose changes for its reader. */
import type { Client } from "pg";
import type { Slot } from "../../reports.ts";
import { walctlCommand } from "../target/paste.ts";
import { readSlotNames } from "./read.ts";
import type { ConnectionTarget } from "../target/target.ts";

const NAME_MAX = 63;

/**
 * `shop_slot` → `shop_slot_2`, or the next number that is free; `shop_slot_2` → `shop_slot_3` where there is `shop_slot`.
 * @param names of all slots
 */
export function nameBeside(
  name: string,
  taken: readonly string[],
  names: readonly string[] = taken,
): string {
  const [, before = name, last = "1"] = /^(.*?)(?:_(\d{1,4}))?$/.exec(name) ?? [];
  // Otherwise the number belongs to the name.
  const [stem, number] = names.includes(before) ? [before, last] : [name, "1"];
  for (let next = Number(number) + 1; ; next++) {
    const suffix = `_${next}`;
    const candidate = stem.slice(0, NAME_MAX - suffix.length) + suffix;
    if (!taken.includes(candidate)) return candidate;
  }
}

/** Options of CREATE_REPLICATION_SLOT to copy to the new slot. */
export interface SlotOptions {
  readonly twoPhase: boolean;
  readonly failover: boolean;
}

export function optionsOf({ two_phase: twoPhase, failover, standby }: Slot): SlotOptions {
  // A standby's own slot cannot be a failover slot.
  return { twoPhase, failover: failover === true && !standby };
}

export function createSlotWords(name: string, { twoPhase, failover }: SlotOptions): string[] {
  const flags = [...(twoPhase ? ["--two-phase"] : []), ...(failover ? ["--failover"] : [])];
  return ["create-slot", name, ...flags];
}

/** The command that creates a slot beside the one of that name. */
export async function createBeside(
  client: Client,
  target: ConnectionTarget,
  name: string,
  options: SlotOptions = { twoPhase: false, failover: false },
): Promise<string> {
  const beside = nameBeside(name, await readSlotNames(client));
  return walctlCommand(createSlotWords(beside, options), target);
}
