/*
 * What the catalogue knows of types that Relation messages only number: composites, domains, arrays.
 * Law: a field name is printed only where it is known for the moment of the row.
 * Way in: TypeWatch.prepare().
 */

import { INVALID_LSN, type Lsn, formatLsn, maxLsn } from "../../lsn.ts";
import type { OtherMessage, Relation, WalPosition } from "../../pgoutput/messages.ts";
import type { CatalogueType, TypeRegistry } from "../../pgoutput/type-registry.ts";
import { type Horizon, NO_HORIZON } from "../start/horizon.ts";
import type { SessionNews } from "../start/options.ts";
import type { CatalogueAnswer, SeenType, TypeCatalogue } from "./catalogue.ts";

interface TypeWatchParts {
  readonly types: TypeRegistry;
  readonly catalogue: TypeCatalogue;
  /** Called with what `types` learns, at that point of the stream. */
  readonly learned: (asked: readonly number[], types: readonly CatalogueType[]) => void;
  readonly warn: SessionNews["warn"];
}

/** A composite type that the stream's relations are made of. */
interface Composite {
  seen: SeenType;
  /** From where on its fields are known. Undefined: everywhere. */
  since: Lsn | undefined;
  /** Why it is not known whether the fields are still these. */
  doubt: string | undefined;
  /** Its values are printed with their fields. */
  shown: boolean;
  warned: boolean;
}

/** How long to wait after WAL that was not sent, an ALTER TYPE perhaps: then one question covers several. */
const IDLE_MS = 100;

/**
 * Keeps to what the catalogue says of types while the stream goes on. The server sends nothing when a composite type
 * is altered, and values hold no names: so the catalogue is asked before a transaction that committed after the last
 * answer, whether the fields are the same as then. An answer is true of all that committed between it and the one
 * before when both are the same. Otherwise what committed between them, and still comes, is printed as text.
 */
export class TypeWatch {
  readonly #parts: TypeWatchParts;
  readonly #relations = new Set<number>();
  readonly #composites = new Map<number, Composite>();
  /** What comes next is not before it; 0/0: not known. */
  #position = INVALID_LSN;
  /** What committed before that has fields that are known. */
  #checked = INVALID_LSN;
  #slot = "";
  #horizon = NO_HORIZON;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TypeWatchParts) {
    this.#parts = parts;
    parts.types.onUnknownFields = (oid) => this.#warn(oid);
  }

  /** A stream from that slot starts, at or after the horizon. */
  start(slot: string, horizon: Horizon): void {
    // The server may be another one than before.
    this.#parts.catalogue.close();
    this.#slot = slot;
    this.#horizon = horizon;
  }

  /** Undefined: the message can be rendered now. */
  prepare(message: OtherMessage): Promise<void> | undefined {
    switch (message.kind) {
      case "relation":
        return this.#relation(message.relation);
      case "begin":
        return this.#begin(message.position, message.finalLsn);
      case "begin_prepare":
        return this.#begin(message.position, message.prepareLsn);
      case "stream_start":
      case "origin":
        // Before an Origin, Begin has no position.
        this.#moveTo(message.position);
        return undefined;
      default:
        return undefined;
    }
  }

  /** A keepalive moved on without a transaction: there is time to ask before the next one comes. */
  idle(): void {
    if (this.#composites.size === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#check();
    }, IDLE_MS);
    this.#timer.unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#parts.catalogue.close();
  }

  /** Asks about the types that are new; about all when the relation was announced before: one may have been renamed. */
  #relation({ oid, columns }: Relation): Promise<void> | undefined {
    const { types } = this.#parts;
    const used = columns.map(({ typeOid }) => typeOid);
    const asked = this.#relations.has(oid) ? types.notBuiltIn(used) : types.uncatalogued(used);
    this.#relations.add(oid);
    if (asked.length === 0) return undefined;
    const horizon = this.#horizon;
    return this.#parts.catalogue
      .lookUp(asked, this.#slot, horizon)
      .then((answer) => this.#adopt(asked, answer, horizon));
  }

  /** A row of a transaction that may not have committed: undefined, it can be rendered now. */
  prepareStreamed(position: WalPosition): Promise<void> | undefined {
    if (this.#composites.size === 0 || lsnOf(position) < this.#checked) return undefined;
    return this.#check();
  }

  /** @param end where it committed */
  #begin(position: WalPosition, end: Lsn): Promise<void> | undefined {
    if (this.#composites.size === 0 || end < this.#checked) {
      this.#moveTo(position);
      return undefined;
    }
    return this.#check().then(() => this.#moveTo(position));
  }

  /**
   * All until the next such call is at or behind that: transactions come by their ends, and one that began earlier
   * may come later. 0/0: not known yet.
   */
  #moveTo(position: WalPosition): void {
    this.#position = lsnOf(position);
    for (const composite of this.#composites.values()) {
      if (this.#update(composite)) this.#learn([composite.seen], []);
    }
  }

  async #check(): Promise<void> {
    const asked = [...this.#composites.keys()];
    const horizon = this.#horizon;
    let answer: CatalogueAnswer;
    try {
      answer = await this.#parts.catalogue.lookUp(asked, this.#slot, horizon);
    } catch (error) {
      // The stream goes on. If the server went away, the stream's own connection shows it.
      const doubt = error instanceof Error ? error.message : String(error);
      for (const composite of this.#composites.values()) this.#setInDoubt(composite, doubt);
      return;
    }
    this.#adopt(asked, answer, horizon);
    this.#checked = maxLsn(this.#checked, answer.before);
  }

  #adopt(asked: readonly number[], answer: CatalogueAnswer, before: Horizon): void {
    const { types, horizon } = answer;
    const changed = types.filter((seen) => this.#takeOver(seen, before, horizon));
    const there = new Set(types.map(({ oid }) => oid));
    const gone = asked.filter((oid) => !there.has(oid));
    const unknown = this.#parts.types.uncatalogued(gone);
    this.#horizon = horizon;
    this.#learn(changed, unknown);
    for (const oid of gone) this.#dropped(oid, unknown.includes(oid));
  }

  /** Returns whether the registry should hear of it. */
  #takeOver(seen: SeenType, before: Horizon, now: Horizon): boolean {
    const renamed = !this.#parts.types.knows(seen);
    if (seen.stamp === null) return renamed;
    const known = this.#composites.get(seen.oid);
    if (known?.seen.stamp === seen.stamp) {
      known.seen = seen;
      known.doubt = undefined;
      return this.#update(known) || renamed;
    }
    const since = known === undefined ? knownSince(seen, before, now) : now.position;
    const composite = { seen, since, doubt: undefined, shown: false, warned: false };
    this.#composites.set(seen.oid, composite);
    this.#update(composite);
    return true;
  }

  /** Returns whether its values are printed otherwise from here on. */
  #update(composite: Composite): boolean {
    const { since, doubt, shown } = composite;
    composite.shown = doubt === undefined && (since === undefined || this.#position >= since);
    return shown !== composite.shown;
  }

  #dropped(oid: number, unknown: boolean): void {
    const { types, warn } = this.#parts;
    const composite = this.#composites.get(oid);
    const what = "it is no longer in the catalogue";
    if (composite !== undefined) return this.#setInDoubt(composite, what);
    if (!unknown || types.shapeOf(oid) !== undefined) return;
    const name = types.nameOf(oid);
    warn({
      message: `values of type ${name === undefined ? oid : `"${name}"`} are printed as text: ${what}`,
      detail: "What they are made of is not known.",
    });
  }

  #setInDoubt(composite: Composite, doubt: string): void {
    composite.doubt = doubt;
    if (this.#update(composite)) this.#learn([composite.seen], []);
  }

  /** A value of it has just been printed as text. */
  #warn(oid: number): void {
    const composite = this.#composites.get(oid);
    if (composite === undefined || composite.warned) return;
    composite.warned = true;
    const { seen, since, doubt } = composite;
    this.#parts.warn({
      message: `values of composite type "${seen.name}" are printed as text: ${doubt ?? "it has been altered"}`,
      detail:
        since === undefined
          ? "Whether it has been altered meanwhile is not known."
          : `What its fields were called before ${formatLsn(since)} is not known.`,
    });
  }

  /** @param unknown what the catalogue has no types for */
  #learn(seen: readonly SeenType[], unknown: readonly number[]): void {
    if (seen.length === 0 && unknown.length === 0) return;
    const found = seen.map((each) => this.#asShown(each));
    const asked = [...found.map(({ oid }) => oid), ...unknown];
    this.#parts.types.catalogue(asked, found);
    this.#parts.learned(asked, found);
  }

  #asShown({ oid, name, shape }: SeenType): CatalogueType {
    const shown = shape?.kind !== "composite" || this.#composites.get(oid)?.shown !== false;
    return { oid, name, shape: shown ? shape : { kind: "composite", fields: null } };
  }
}

function lsnOf({ high, low }: WalPosition): Lsn {
  return ((BigInt(high) << 32n) | BigInt(low)) as Lsn;
}

/** From where on the fields of a type are known that the stream has not met before. */
function knownSince({ unaltered }: SeenType, before: Horizon, now: Horizon): Lsn | undefined {
  if (unaltered === "always") return undefined;
  return unaltered === "horizon" ? before.position : now.position;
}
