/**
 * A lint of our own: what stands in a statement is quoted by src/server/query/sql.ts, or it cannot be anybody's
 * text. Where it is neither at sight, it stands in the list below with the reason why it may.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));
const ROOM = `${SRC}/server`;

const STATEMENT =
  /^\s*(SELECT|WITH|SET|ALTER|CREATE|DROP|GRANT|REVOKE|LOCK|START_REPLICATION|CREATE_REPLICATION_SLOT)\b/;

/** Quoted, numbers by their types, or constants of the program. */
const HARMLESS = [
  /^quote\w+\((?:[^()]|\([^()]*\))*\)$/,
  /^[\w.]+\.map\(quote\w+\)\.join\(", "\)$/,
  /^formatLsn\(\w+\)$/,
  /^formatPgoutputOptions\(/,
  /^([\w.]+\.|this\.#|)(\w*[pPoOxX]id)$/,
  /^oids\.join\(", "\)$|^oidArray\(\w+\)$/,
  /^Math\.ceil\([\w.]+\)$/,
  /^[A-Z][A-Z_]+$/,
];

const REVIEWED: Readonly<Record<string, string>> = {
  'slot/creation.ts: temporary ? " TEMPORARY" : ""': "a constant",
  "publication/sql.ts: what": "objectsSql(), of quoted names",
  "publication/sql.ts: having": "optionsSql()",
  "publication/sql.ts: parameters": "optionsSql()",
  "doctor/publication-findings.ts: role": "quoted; for a hint",
  'doctor/publication-findings.ts: hidden.join(", ")': "quoted; for a hint",
  "doctor/server-findings.ts: database": "quoted; for a hint",
  "doctor/inspect-server.ts: counters": "a constant",
  "publication/sql.ts: objectsSql(objects)": "of quoted names",
  "publication/sql.ts: optionsSql(options)": "of words that were checked",
  "publication/state.ts: parts": "columns of the catalogue, constants",
  "publication/state.ts: schemas": "a condition, a constant",
  "publication/state.ts: sequences": "a column, a constant",
  "publication/state.ts: excluded": "a column, a constant",
  "publication/suggestion.ts: owned": "a condition, a constant",
  "publication/suggestion.ts: may": "a condition, of a quoted name",
  "publication/identity-members.ts: rootCondition(state)": "of oids and quoted names",
  "publication/identity-members.ts: exclusion(state)": "a condition, of oids",
  "publication/identity-members.ts: columnListed": "a subquery, a constant",
  "publication/identity-members.ts: ungenerated": "a subquery, a constant",
  "publication/identity-members.ts: kind": "one of two letters",
  'publication/identity-members.ts: generated("s")': "a subquery, of a letter",
  'publication/identity-members.ts: generated("v")': "a subquery, of a letter",
  'doctor/inspect-server.ts: columns.join(", ")': "questions, constants of the program",
  'settings/preflight.ts: columns.join(", ")': "settings, constants of the program",
  "publication/sql.ts: given": "objectsSql(), of quoted names",
  "query/session-settings.ts: scope": "SESSION or LOCAL",
  "query/session-settings.ts: setting": "a constant",
  "settings/administration.ts: owner": "ownerOf(), of quoted names; for a hint",
  "settings/administration.ts: setting": "a constant name and quoted values; for a hint",
  "slot/read.ts: sessions": "pg_stat_activity, or rows of nulls in its place: constants",
  "settings/administration.ts: roles": "literals, quoted",
  "settings/administration.ts: service.replicator": "a constant; for a hint",
  "settings/administration.ts: name": "a setting's name, a constant; for a hint",
  "slot/read.ts: only": "a condition, of a quoted name",
  "slot/faults.ts: columns": "a constant; for a hint",
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

test("no statement of src/server holds text that is not quoted", () => {
  const unknown = readdirSync(ROOM, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "query/sql.ts")
    .flatMap((file) =>
      interpolations(readFileSync(`${ROOM}/${file}`, "utf8"))
        .filter((expression) => !HARMLESS.some((pattern) => pattern.test(expression)))
        .map((expression) => `${file}: ${expression}`),
    )
    .filter((found) => !(found in REVIEWED));
  assert.deepEqual(unknown, []);
});

/** Where names in statements are looked up is decided in two places, and nothing is sent past them. */
const SENDERS = [
  "reach.ts: client.query(sessionSettings(kind, target.options))",
  // What the others send, on its way.
  "server-connection.ts: super.query(statement)",
  "statement.ts: client.query(sql)",
  'statement.ts: client.query("ROLLBACK")',
  // START_REPLICATION, which holds no names but the slot's.
  "transport.ts: own.query(this.#statement)",
  "wal-stream.ts: client.query(this.#copy)",
];

test("statements are sent by statement.ts, which pins the search_path, and by nobody else", () => {
  const files = ["server", "commands", "render", "output"].flatMap((room) =>
    readdirSync(`${SRC}/${room}`, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${room}/${file}`),
  );
  const sent = files.flatMap((file) =>
    Array.from(
      readFileSync(`${SRC}/${file}`, "utf8").matchAll(
        /\w+\.query(?:<\w+>)?\((?:[^()]|\([^()]*\))*\)/g,
      ),
      ([call]) => `${basename(file)}: ${call.replace(/<\w+>/, "")}`,
    ),
  );
  assert.deepEqual(sent.toSorted(), SENDERS.toSorted());
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
