import { randomInt } from "node:crypto";

/** Returns the items in random order. */
export function shuffled<Item>(items: readonly Item[]): Item[] {
  const rest = [...items];
  return items.map(() => rest.splice(randomInt(rest.length), 1)[0] as Item);
}
