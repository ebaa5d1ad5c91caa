/**
 * The names in synchronous_standby_names (manual: its description under Replication): `a, b`, `2 (a, b)`,
 * `FIRST 2 (a, b)`, `ANY 1 (*)`; unquoted or in double quotes.
 */
export function parseStandbyNames(setting: string): readonly string[] {
  const [, list] = /^\s*(?:(?:FIRST|ANY)\s+)?\d+\s*\((.*)\)\s*$/is.exec(setting) ?? [];
  const names = (list ?? setting).matchAll(/"((?:[^"]|"")*)"|([^\s,]+)/g);
  return Array.from(names, ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "");
}

/** The name that makes a walsender of that application_name a synchronous standby; case does not matter. */
export function matchingStandbyName(setting: string, application: string): string | undefined {
  const wanted = application.toLowerCase();
  return parseStandbyNames(setting).find((name) => name === "*" || name.toLowerCase() === wanted);
}
