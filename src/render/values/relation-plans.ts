import type { Relation } from "../../pgoutput/messages.ts";

/** Columns of the plans that are kept: a database may have more tables than is worth it. */
const COLUMNS_MAX = 20_000;

/** What a renderer has made ready for each relation. All of it is made again when it has become too much. */
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

  /** What they were made of may be known no more. */
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
