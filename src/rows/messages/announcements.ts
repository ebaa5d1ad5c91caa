import { baseType } from "../../postgres/stored/stored-forms.ts";
import { catalogueTypes } from "../../postgres/stored/type-shapes.ts";
import type { PgoutputMessage, Relation, Transaction } from "../../postgres/messages/messages.ts";
import { NONE_RULED, type TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { CatalogOverTime } from "../catalog/history.ts";
import type { TablePlan } from "./table-plans.ts";

/** FirstGenbkiObjectId: pgoutput sends a Type message for these. */
const FIRST_ANNOUNCED_OID = 10_000;
const NO_POSITION = { high: 0, low: 0 };
const PG_CATALOG = 11;

/** Sends Relation and Type messages when a table's definition differs from the last one sent. */
export class Announcements {
  readonly #catalog: CatalogOverTime;
  readonly #registry: TypeRegistry;
  readonly #send: (message: PgoutputMessage) => void;
  readonly #sent = new Map<number, Relation>();
  /** The plan of each table's last change, and the revision of the types known then. */
  readonly #last = new Map<number, readonly [plan: TablePlan, revision: number]>();
  readonly #shapes = new Map<number, string>();

  constructor(
    catalog: CatalogOverTime,
    registry: TypeRegistry,
    send: (message: PgoutputMessage) => void,
  ) {
    this.#catalog = catalog;
    this.#registry = registry;
    this.#send = send;
  }

  /**
   * Call it before a change of the table. Returns the relation that was sent last, or another one that is the same if
   * the table has a new file: all its rows may have other values (ALTER COLUMN … USING, TRUNCATE).
   */
  relation(plan: TablePlan, transaction: Transaction): Relation {
    const { relation } = plan;
    const sent = this.#sent.get(relation.oid);
    const [last, revision] = this.#last.get(relation.oid) ?? [];
    if (sent !== undefined && last === plan && revision === this.#registry.revision) return sent;
    this.#describeTypes(plan);
    this.#last.set(relation.oid, [plan, this.#registry.revision]);
    const same = sent !== undefined && sameRelation(sent, relation);
    if (same && last?.table.relfilenode === plan.table.relfilenode) return sent;
    this.#sent.set(relation.oid, relation);
    if (same) return relation;
    for (const { typeOid } of relation.columns) {
      if (typeOid >= FIRST_ANNOUNCED_OID) this.#sendType(typeOid, transaction);
    }
    this.#send({ kind: "relation", position: NO_POSITION, transaction, relation });
    return relation;
  }

  /** For a domain: its base type's name under the domain's oid. */
  #sendType(oid: number, transaction: Transaction): void {
    const type = baseType(oid, this.#catalog.types);
    if (type === undefined) return;
    const { name, namespace } = type;
    const schema = namespace === PG_CATALOG ? "" : (this.#catalog.schemaName(namespace) ?? "");
    this.#send({ kind: "type", position: NO_POSITION, transaction, oid, schema, name });
  }

  /** Tells the renderers what the catalogue would have answered. */
  #describeTypes({ relation, table }: TablePlan): void {
    const keyless = table.attributes.some(
      (column) => column.key && column.generated && !column.dropped,
    );
    const rowKey = table.attributes.filter((column) => column.rowKey).map(({ name }) => name);
    const known = this.#registry.ruledColumns(relation.oid);
    if (keyless !== known.keyless || rowKey.join("\0") !== known.rowKey.join("\0")) {
      this.#registry.ruled(relation.oid, { ...NONE_RULED, keyless, rowKey });
    }
    const oids = relation.columns.map(({ typeOid }) => typeOid);
    const changed = catalogueTypes(oids, this.#catalog.types).filter((type) => {
      const text = JSON.stringify(type);
      const other = this.#shapes.get(type.oid) !== text;
      this.#shapes.set(type.oid, text);
      return other;
    });
    if (changed.length === 0) return;
    const asked = changed.map(({ oid }) => oid);
    this.#registry.catalogue(asked, changed);
  }
}

function sameRelation(a: Relation, b: Relation): boolean {
  if (a.schema !== b.schema || a.table !== b.table) return false;
  if (a.replicaIdentity !== b.replicaIdentity || a.columns.length !== b.columns.length)
    return false;
  return a.columns.every((column, index) => {
    const other = b.columns[index]!;
    return (
      column.name === other.name &&
      column.key === other.key &&
      column.typeOid === other.typeOid &&
      column.typeModifier === other.typeModifier
    );
  });
}
