import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import {
  type ColumnWriter,
  type MissingWriter,
  columnWriter,
  missingWriter,
} from "../../postgres/stored/column-writer.ts";
import type { Column, Relation, ReplicaIdentity } from "../../postgres/messages/messages.ts";
import type { CatalogOverTime } from "../catalog/history.ts";
import type { TableAttribute, TableVersion } from "../catalog/table-version.ts";

export interface PlannedColumn {
  /** The index in the table's attributes. */
  readonly index: number;
  readonly attribute: TableAttribute;
  readonly write: ColumnWriter;
  readonly writeMissing: MissingWriter;
}

/** How a version of a table is printed. */
export interface TablePlan {
  readonly table: TableVersion;
  readonly relation: Relation;
  /** The columns that are printed. */
  readonly columns: readonly PlannedColumn[];
  /** Its rows are printed, like those of a published table. */
  readonly sent: boolean;
  /** Its rows are asked for. */
  readonly asked: boolean;
  /** Behind its rows the server forgets TOAST chunks. */
  readonly logged: boolean;
}

const IDENTITIES: Readonly<Record<string, ReplicaIdentity>> = {
  d: "default",
  n: "nothing",
  f: "full",
  i: "index",
};

/** The plans by table version, which is one object as long as nothing relevant changes. */
export class TablePlans {
  readonly #catalog: Pick<CatalogOverTime, "types" | "missingText">;
  readonly #asked: (relation: Relation) => boolean;
  readonly #plans = new WeakMap<TableVersion, TablePlan>();

  constructor(
    catalog: Pick<CatalogOverTime, "types" | "missingText">,
    asked: (relation: Relation) => boolean,
  ) {
    this.#catalog = catalog;
    this.#asked = asked;
  }

  /** @param table the last one looked up in the catalogue */
  of(table: TableVersion): TablePlan {
    let plan = this.#plans.get(table);
    if (plan === undefined) this.#plans.set(table, (plan = this.#make(table)));
    return plan;
  }

  #make(table: TableVersion): TablePlan {
    const columns: PlannedColumn[] = [];
    const { types } = this.#catalog;
    for (const [index, attribute] of table.attributes.entries()) {
      if (attribute.dropped || attribute.generated) continue;
      const { missing, typeOid } = attribute;
      const writeMissing =
        typeof missing === "string"
          ? this.#textWriter(missing, typeOid)
          : missingWriter(missing, typeOid, types);
      const write = columnWriter(typeOid, types);
      columns.push({ index, attribute, write, writeMissing });
    }
    const normal = table.oid >= FIRST_NORMAL_OID && table.relrewrite === 0;
    const relation = relationOf(table, columns);
    return {
      table,
      relation,
      columns,
      asked: this.#asked(relation),
      sent: normal && table.relkind === "r" && table.persistence === "p",
      logged: normal && table.relkind !== "t",
    };
  }

  /** The file's text is of its export: what it is now is asked for each row. */
  #textWriter(missing: string, typeOid: number): MissingWriter {
    const { types } = this.#catalog;
    let last: string | undefined;
    let write: MissingWriter = () => false;
    return (out) => {
      const text = this.#catalog.missingText(missing, typeOid);
      if (text === undefined) return false;
      if (text !== last) write = missingWriter((last = text), typeOid, types);
      return write(out);
    };
  }
}

function relationOf(
  { oid, schema, name, replicaIdentity }: TableVersion,
  planned: readonly PlannedColumn[],
): Relation {
  const columns = planned.map(({ attribute }): Column => {
    const { typeOid, typmod, key } = attribute;
    return { name: attribute.name, key, typeOid, typeModifier: typmod };
  });
  return {
    oid,
    schema: schema === "pg_catalog" ? "" : schema,
    table: name,
    replicaIdentity: IDENTITIES[replicaIdentity] ?? "default",
    columns,
    keyed: columns.some(({ key }) => key),
    announced: true,
  };
}

/** A relation of which only the name is printed. */
export function nameOnly(oid: number, schema: string, table: string): Relation {
  return {
    oid,
    schema: schema === "pg_catalog" ? "" : schema,
    table,
    replicaIdentity: "default",
    columns: [],
    keyed: false,
    announced: true,
  };
}
