/** What regproc, regoper and the like print for each oid, derived as the server does (utils/adt/regproc.c). */
import type { RegName } from "./model.ts";
import type { PrintedNames } from "./printed-names.ts";

/** A row of pg_proc, pg_operator, pg_collation, pg_ts_config or pg_ts_dict. */
export interface NamedObject {
  readonly oid: number;
  readonly name: string;
  readonly namespace: number;
}

export interface RegObjects {
  readonly functions: ReadonlyArray<NamedObject & { readonly arguments: readonly number[] }>;
  /** 0: a prefix operator has no left operand. */
  readonly operators: ReadonlyArray<
    NamedObject & { readonly left: number; readonly right: number }
  >;
  /** -1: any encoding. */
  readonly collations: ReadonlyArray<NamedObject & { readonly encoding: number }>;
  readonly configurations: readonly NamedObject[];
  readonly dictionaries: readonly NamedObject[];
  readonly roles: ReadonlyArray<Pick<NamedObject, "oid" | "name">>;
  /** None before PostgreSQL 19, which has regdatabase. */
  readonly databases: ReadonlyArray<Pick<NamedObject, "oid" | "name">>;
}

const PG_CATALOG_OID = 11;
const ANY_ENCODING = -1;

/** @param encoding the number of the database's encoding: collations of others are not found by name */
export function regNames(objects: RegObjects, names: PrintedNames, encoding: number): RegName[] {
  const { functions, operators, collations } = objects;
  const qualified = ({ name, namespace }: NamedObject): string =>
    names.qualified(name, namespace) ?? names.quoted(name);
  const alwaysQualified = ({ name, namespace }: NamedObject): string =>
    `${names.regnamespace(namespace) ?? ""}.${names.quoted(name)}`;
  const list = <T extends { readonly oid: number }>(
    type: string,
    rows: readonly T[],
    nameOf: (row: T) => string,
  ): RegName[] => rows.map((row) => ({ type, oid: row.oid, name: nameOf(row) }));

  const soleFunction = soleNames(functions);
  const soleOperator = soleNames(operators);
  const operatorName = (operator: NamedObject, bare: boolean): string =>
    bare ? operator.name : `${names.regnamespace(operator.namespace) ?? ""}.${operator.name}`;
  const type = (oid: number): string => (oid === 0 ? "NONE" : (names.regtype(oid) ?? "???"));
  const found = foundCollations(collations, encoding);
  return [
    ...list("regproc", functions, (each) =>
      soleFunction(each) ? qualified(each) : alwaysQualified(each),
    ),
    ...list(
      "regprocedure",
      functions,
      (each) => `${qualified(each)}(${each.arguments.map(type).join(",")})`,
    ),
    ...list("regoper", operators, (each) => operatorName(each, soleOperator(each))),
    ...list(
      "regoperator",
      operators,
      (each) =>
        `${operatorName(each, each.namespace === PG_CATALOG_OID)}(${type(each.left)},${type(each.right)})`,
    ),
    ...list("regcollation", collations, (each) =>
      found.has(each.oid) ? qualified(each) : alwaysQualified(each),
    ),
    ...list("regconfig", objects.configurations, qualified),
    ...list("regdictionary", objects.dictionaries, qualified),
    ...list("regrole", objects.roles, ({ name }) => names.quoted(name)),
    ...list("regdatabase", objects.databases, ({ name }) => names.quoted(name)),
  ];
}

/** Whether the object is the only one in pg_catalog that has its name. */
function soleNames(rows: readonly NamedObject[]): (row: NamedObject) => boolean {
  const counts = new Map<string, number>();
  for (const { name, namespace } of rows) {
    if (namespace === PG_CATALOG_OID) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return ({ name, namespace }) => namespace === PG_CATALOG_OID && counts.get(name) === 1;
}

/** The collations that their names lead to: one of the database's own encoding comes first. */
function foundCollations(rows: RegObjects["collations"], encoding: number): ReadonlySet<number> {
  const found = new Map<string, number>();
  for (const wanted of [ANY_ENCODING, encoding]) {
    for (const row of rows) {
      if (row.namespace === PG_CATALOG_OID && row.encoding === wanted) found.set(row.name, row.oid);
    }
  }
  return new Set(found.values());
}
