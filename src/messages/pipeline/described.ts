import type {
  PgoutputMessage,
  Relation,
  RelationMessage,
} from "../../postgres/messages/messages.ts";
import type { Transaction, TypeMessage } from "../../postgres/messages/messages.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";

/**
 * How the lines of FILE or a pipe describe tables so far. The server describes a table once a connection: not once a
 * file, and perhaps in a transaction that is left out.
 */
export class Described {
  readonly #types: TypeRegistry;
  /** By oid. */
  readonly #relations = new Map<number, Relation>();
  /** The one that came last: rows of it need no search. */
  #last: Relation | undefined;

  constructor(types: TypeRegistry) {
    this.#types = types;
  }

  /** A new file begins. */
  clear(): void {
    this.#relations.clear();
    this.#last = undefined;
  }

  /** The Type and Relation messages that the lines lack before this message. Undefined: none. */
  missing(message: PgoutputMessage): readonly (TypeMessage | RelationMessage)[] | undefined {
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        if (message.relation === this.#last) return undefined;
        this.#last = message.relation;
        return this.#describe([message.relation], message.transaction);
      case "truncate":
        return this.#describe(message.relations, message.transaction);
      case "relation":
        this.#relations.set(message.relation.oid, message.relation);
        return undefined;
      default:
        return undefined;
    }
  }

  #describe(
    relations: readonly Relation[],
    transaction: Transaction | null,
  ): readonly (TypeMessage | RelationMessage)[] {
    const of = { position: NO_POSITION, transaction };
    return relations
      .filter((each) => each.announced && this.#relations.get(each.oid) !== each)
      .flatMap((relation) => {
        this.#relations.set(relation.oid, relation);
        const oids = new Set(relation.columns.map(({ typeOid }) => typeOid));
        const types = [...oids].flatMap((oid): TypeMessage[] => {
          const name = this.#types.announcedName(oid);
          return name === undefined ? [] : [{ kind: "type", ...of, oid, ...name }];
        });
        return [...types, { kind: "relation" as const, ...of, relation }];
      });
  }
}
