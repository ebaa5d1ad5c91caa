import type { Relation } from "../../pgoutput/messages.ts";

/** Limit for the columns of all plans: a database may have too many tables to keep plans for all of them. */
const COLUMNS_MAX = 20_000;

/** Keeps a prepared plan for each relation. When they exceed the limit, all are dropped and prepared again. */
export class RelationPlans<Plan> {
  readonly #make: (relation: Relation) => Plan;
  #plans = new WeakMap<Relation, Plan>();
  #columns = 0;

  constructor(make: (relation: Relation) => Plan) {
    this.#make = make;
  }

  of(relation: Relation): Plan {
    return this.#plans.get(relation) ?? this.#add(relation);
  }

  /** Drops the plans: what they were made from may be out of date. */
  clear(): void {
    this.#plans = new WeakMap();
    this.#columns = 0;
  }

  #add(relation: Relation): Plan {
    this.#columns += 1 + relation.columns.length;
    if (this.#columns > COLUMNS_MAX) {
      this.#plans = new WeakMap();
      this.#columns = 1 + relation.columns.length;
    }
    const plan = this.#make(relation);
    this.#plans.set(relation, plan);
    return plan;
  }
}
