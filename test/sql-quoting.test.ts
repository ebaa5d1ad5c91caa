/**
 * A lint of our own: what stands in a statement is quoted by src/replication/sql.ts, or it cannot be anybody's
 * text. Where it is neither at sight, it stands in the list below with the reason why it may.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOM = fileURLToPath(new URL("../../src/replication", import.meta.url));

const STATEMENT =
  /^\s*(SELECT|WITH|SET|ALTER|CREATE|DROP|GRANT|REVOKE|LOCK|START_REPLICATION|CREATE_REPLICATION_SLOT)\b/;

/** Quoted, numbers by their types, or constants of the program. */
const HARMLESS = [
  /^quote\w+\([^()]*\)$/,
  /^[\w.]+\.map\(quote\w+\)\.join\(", "\)$/,
  /^formatLsn\(\w+\)$/,
  /^formatPgoutputOptions\(/,
  /^([\w.]+\.|this\.#|)(\w*[pP]id|\w*[oO]id)$/,
  /^oids\.join\(", "\)$|^oidArray\(\w+\)$/,
  /^Math\.ceil\([\w.]+\)$/,
  /^[A-Z][A-Z_]+$/,
];

const REVIEWED: Readonly<Record<string, string>> = {
  'slot-creation.ts: temporary ? " TEMPORARY" : ""': "a constant",
  "publication-sql.ts: what": "objectsSql(), of quoted names",
  "publication-sql.ts: having": "optionsSql()",
  "publication-sql.ts: parameters": "optionsSql()",
  "publication-checks.ts: role": "quoted; for a hint",
  'publication-checks.ts: hidden.join(", ")': "quoted; for a hint",
  "role-checks.ts: database": "quoted; for a hint",
  "server-checks.ts: setting": "a constant; for a hint",
  "server-checks.ts: max + 10": "a number; for a hint",
  "slot-checks.ts: some": "literals, quoted",
  "publication-sql.ts: objectsSql(objects)": "of quoted names",
  "publication-sql.ts: optionsSql(options)": "of words that were checked",
  "publication-state.ts: parts": "columns of the catalogue, constants",
  "replica-identity.ts: rootCondition(state)": "of oids",
  "table-lookup.ts: regclass": "quoted by its caller, or a parameter's place",
};

/** The expressions in the template literals of `source` that look like statements. */
function interpolations(source: string): readonly string[] {
  const templates = source.matchAll(/`((?:[^`\\]|\\.)*)`/g);
  return [...templates]
    .map(([, text = ""]) => text)
    .filter((text) => STATEMENT.test(text))
    .flatMap((text) =>
      [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, expression = ""]) => expression),
    );
}

test("no statement of src/replication holds text that is not quoted", () => {
  const unknown = readdirSync(ROOM)
    .filter((file) => file.endsWith(".ts") && file !== "sql.ts")
    .flatMap((file) =>
      interpolations(readFileSync(`${ROOM}/${file}`, "utf8"))
        .filter((expression) => !HARMLESS.some((pattern) => pattern.test(expression)))
        .map((expression) => `${file}: ${expression}`),
    )
    .filter((found) => !(found in REVIEWED));
  assert.deepEqual(unknown, []);
});

test("what is not quoted is found", () => {
  for (const [source, found] of [
    ["`SELECT ${name}`", ["name"]],
    ["`DROP TABLE ${quoteIdentifier(name)} ${name}`", ["quoteIdentifier(name)", "name"]],
    ["`a table ${name}`", []],
  ] as const) {
    assert.deepEqual(interpolations(source), found);
  }
});
