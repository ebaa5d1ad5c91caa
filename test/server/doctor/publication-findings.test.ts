/** doctor's judgement of the publications, without a server. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PublicationFacts } from "../../../src/server/doctor/inspect-stream.ts";
import { publicationFindings } from "../../../src/server/doctor/publication-findings.ts";
import type { PublicationState } from "../../../src/server/publication/plan.ts";
import type { IdentityFault } from "../../../src/server/publication/replica-identity.ts";
import { type Expected, OWN, PSQL, TARGET, expectCheck } from "./support.ts";

describe("the publications", () => {
  const suggestion = { words: "To create it", command: "walctl setup-publication …" };
  const table = (name: string, readable: boolean): PublicationFacts["tables"][number] => ({
    schema: "public",
    table: name,
    readable,
  });
  const hidden = { oid: 7, schema: "public", name: 'hid"den' };
  const state = (parts: Partial<PublicationState>): PublicationState => {
    return {
      publish: ["insert", "update"],
      viaPartitionRoot: false,
      generatedColumns: "none",
      allTables: false,
      excluded: [],
      allSequences: false,
      schemas: [],
      tables: [],
      ...parts,
    };
  };
  const sound: PublicationFacts = {
    name: "p",
    existing: ["p"],
    state: state({}),
    tables: [table("t", true)],
    identityFaults: [],
    suggestion: undefined,
  };
  const fault = {
    root: 1,
    table: '"public"."t"',
    cause: "no identity",
    missing: true,
    rejected: ["UPDATE"],
    message: "no identity",
    hint: "Give it a key.",
    fix: undefined,
    full: undefined,
  };
  const rejected = (them: string, are: string): string =>
    `no identity: the server rejects UPDATE of ${them} from every program while ${are} published`;
  const cases: ReadonlyArray<readonly [Partial<PublicationFacts>, check: string, Expected]> = [
    [{}, "publication", ["ok", 'publication "p": 1 table', null]],
    [{}, "replica_identity", undefined],
    [{}, "role_select", undefined],
    [
      { tables: [table("a", true), table("b", true)] },
      "publication",
      ["ok", 'publication "p": 2 tables', null],
    ],
    [
      { state: undefined, existing: [], tables: [], suggestion },
      "publication",
      ["fail", 'publication "p" does not exist. To create it', suggestion.command],
    ],
    [
      { state: undefined, existing: ["a", "B"], tables: [], suggestion },
      "publication",
      [
        "fail",
        'publication "p" does not exist; the database has "a", "B". To create it',
        suggestion.command,
      ],
    ],
    [
      { tables: [], suggestion },
      "publication",
      [
        "warning",
        `publication "p" publishes no tables, so nothing is streamed. To create it: ${suggestion.command}`,
        null,
      ],
    ],
    [{ tables: [] }, "publication", ["warning", /publishes no tables yet: there are none$/, null]],
    [
      { state: state({ allTables: true, excluded: [hidden] }), tables: [] },
      "publication",
      ["warning", /publishes no tables yet: there are none but those it excludes$/, null],
    ],
    [
      { state: state({ allTables: true, excluded: [hidden], allSequences: true }) },
      "publication",
      [
        "ok",
        'publication "p": 1 table, all but "public"."hid""den"; all sequences, but pgoutput sends no changes of sequences',
        null,
      ],
    ],
    [
      { state: state({ allSequences: true }), tables: [] },
      "publication",
      [
        "ok",
        'publication "p": all sequences and no tables; pgoutput sends no changes of sequences',
        null,
      ],
    ],
    [
      { identityFaults: [fault] },
      "replica_identity",
      ["fail", `${rejected("it", "it is")} (by publication "p"). Give it a key.`, null],
    ],
    [
      { identityFaults: [{ ...fault, fix: "ALTER TABLE t REPLICA IDENTITY FULL" }] },
      "replica_identity",
      [
        "fail",
        `${rejected("it", "it is")} (by publication "p")`,
        /-c "SET lock_timeout = '.*'" -c "ALTER TABLE t REPLICA IDENTITY FULL"$/,
      ],
    ],
    [
      {
        identityFaults: ["a", "b", "c", "d"].map((name) => {
          const fix = `ALTER TABLE ${name} REPLICA IDENTITY FULL`;
          return { ...fault, table: `"public"."${name}"`, fix };
        }),
      },
      "replica_identity",
      [
        "fail",
        '4 tables have no replica identity ("public"."a", "public"."b", "public"."c", …): the server rejects UPDATE of them from every program while they are published (by publication "p")',
        /-c "ALTER TABLE a REPLICA IDENTITY FULL" -c .* -c "ALTER TABLE d REPLICA IDENTITY FULL"$/,
      ],
    ],
    [
      { tables: ["a", "b", "c", "d"].map((name) => table(name, name === "a")) },
      "role_select",
      [
        "warning",
        /may not read "public"\."b", "public"\."c", "public"\."d"; streaming works/,
        `${PSQL} -c "GRANT USAGE ON SCHEMA \\"public\\" TO \\"u\\"; GRANT SELECT ON \\"public\\".\\"b\\", \\"public\\".\\"c\\", \\"public\\".\\"d\\" TO \\"u\\""`,
      ],
    ],
    [
      { tables: ["a", "b", "c", "d"].map((name) => table(name, false)) },
      "role_select",
      ["warning", /"public"\."c", …; streaming works/, /"public\\"\.\\"d/],
    ],
  ];
  for (const [facts, check, expected] of cases) {
    it(`${check}: ${expected?.[0] ?? "no check"} for ${JSON.stringify(facts)}`, () => {
      expectCheck(publicationFindings([{ ...sound, ...facts }], TARGET, OWN), check, expected);
    });
  }

  it("have what is at fault with a table once, with the publications that it is in", () => {
    const fixable = (name: string, rejects: readonly string[]): IdentityFault => ({
      ...fault,
      table: name,
      cause: `table ${name} has none`,
      rejected: rejects,
      fix: `ALTER TABLE ${name} REPLICA IDENTITY FULL`,
      full: undefined,
    });
    const both = ["UPDATE", "DELETE"];
    const find = (
      ...lists: ReadonlyArray<readonly IdentityFault[]>
    ): ReadonlyArray<readonly [string, string | null]> =>
      publicationFindings(
        lists.map((identityFaults, at) => ({
          ...sound,
          name: `p${at}`,
          identityFaults,
          tables: [table("t", false)],
        })),
        TARGET,
        OWN,
      )
        .filter(({ check }) => check === "replica_identity" || check === "role_select")
        .map(({ message, fix }) => [message, fix]);
    const one = find([fixable("a", both)], [fixable("a", ["UPDATE"])], []);
    assert.deepEqual(
      one.map(([message]) => message),
      [
        'table a has none: the server rejects UPDATE and DELETE of it from every program while it is published (by publications "p0", "p1")',
        'publications "p0", "p1", "p2": the role may not read "public"."t"; streaming works, copying the tables first does not',
      ],
    );
    const [more, other] = find(
      [fixable("a", both)],
      [fixable("a", both), fixable("b", both), fixable("c", ["UPDATE"])],
    );
    assert.match(
      more?.[0] ?? "",
      /^2 tables have no replica identity \(a, b\): .*UPDATE and DELETE/,
    );
    assert.equal(more?.[1]?.match(/ALTER TABLE/g)?.length, 2);
    assert.match(other?.[0] ?? "", /^table c has none: the server rejects UPDATE of it .*"p1"\)$/);
  });

  it("of sequences alone are a risk to the stream that is to read them", () => {
    const facts = { ...sound, state: state({ allSequences: true }), tables: [] };
    const [check] = publicationFindings([facts], TARGET, OWN, ["p"]);
    assert.equal(check?.status, "warning");
    assert.match(check.message, /; pgoutput sends no changes of sequences, so nothing is streamed/);
    const [other] = publicationFindings([facts], TARGET, OWN, ["q"]);
    assert.equal(other?.status, "ok");
  });

  it("are none at all", () => {
    expectCheck(publicationFindings(suggestion, TARGET, OWN), "publication", [
      "warning",
      'there is none in database "shop": nothing can be streamed. To create it',
      suggestion.command,
    ]);
  });
});
