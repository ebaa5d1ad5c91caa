import type { MessageFilter } from "../messages/filter.ts";
import type { Where } from "../messages/where.ts";

/** The language of --where is loaded only with it. */
export async function openWhere(
  texts: readonly string[] | undefined,
  filter: MessageFilter,
): Promise<Where | undefined> {
  if (texts === undefined || texts.length === 0) return undefined;
  const { createWhere } = await import("../messages/where.ts");
  return await createWhere(texts, filter);
}
