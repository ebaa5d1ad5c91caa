import type { Relation } from "../../postgres/messages/messages.ts";

/** Limit for the columns of all plans: a database may have too many tables to keep plans for all of them. */
const COLUMNS_MAX = 10_000;

/** Keeps a prepared plan for each relation. When they exceed the limit, those that were not used lately are dropped. */
export class RelationPlans<Plan> {
  readonly #make: (relation: Relation) => Plan;
  #plans = new Map<Relation, Plan>();
  #columns = 0;
  /** Those before: what is used again moves over, until the newer ones have half of the columns. */
  #older = new Map<Relation, Plan>();

  constructor(make: (relation: Relation) => Plan) {
    this.#make = make;
  }

  of(relation: Relation): Plan {
    return this.#plans.get(relation) ?? this.#add(relation);
  }

  /** Drops the plans: what they were made from may be out of date. */
  clear(): void {
    this.#plans.clear();
    this.#older.clear();
    this.#columns = 0;
  }

  #add(relation: Relation): Plan {
    this.#columns += 1 + relation.columns.length;
    if (this.#columns > COLUMNS_MAX / 2) {
      this.#older = this.#plans;
      this.#plans = new Map();
      this.#columns = 1 + relation.columns.length;
    }
    const plan = this.#older.get(relation) ?? this.#make(relation);
    this.#plans.set(relation, plan);
    return plan;
  }
}
