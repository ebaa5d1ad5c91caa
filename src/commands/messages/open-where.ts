import type { MessageFilter } from "./filter.ts";
import type { Where } from "./where.ts";

/** The language of --where is loaded only with it. */
export async function openWhere(
  texts: readonly string[] | undefined,
  filter: MessageFilter,
): Promise<Where | undefined> {
  if (texts === undefined || texts.length === 0) return undefined;
  const { createWhere } = await import("./where.ts");
  return await createWhere(texts, filter);
}
