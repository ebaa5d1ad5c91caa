/**
 * All quoting, for SQL and for the replication grammar (manual: Lexical Structure). No other file puts a name or a
 * value into a statement.
 */

/** `My "Pub"` → `"My ""Pub"""`, also for the replication grammar. */
export function quoteIdentifier(name: string): string {
  return `"${requireNoNul(name).replaceAll('"', '""')}"`;
}

/** Only where it has to be. */
export function quotePlainly(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Safe with any standard_conforming_strings: it uses the E form if there is a backslash. */
export function quoteLiteral(value: string): string {
  const quoted = `'${requireNoNul(value).replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return value.includes("\\") ? `E${quoted}` : quoted;
}

/** A string of the replication grammar, whose only escape is the doubled quote. */
export function quoteReplicationString(value: string): string {
  return `'${requireNoNul(value).replaceAll("'", "''")}'`;
}

/** The form of pgoutput's publication_names: a list of identifiers, in which unquoted ones are folded to lower case. */
export function quoteIdentifierList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(", ");
}

export function quoteTextArray(values: readonly string[]): string {
  return `ARRAY[${values.map(quoteLiteral).join(", ")}]::text[]`;
}

/** The server ends a statement at a NUL, so the rest would be lost without an error. */
function requireNoNul(text: string): string {
  if (text.includes("\0")) throw new TypeError("a name or value holds a NUL character");
  return text;
}
