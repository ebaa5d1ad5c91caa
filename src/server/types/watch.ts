/*
 * Learns from the catalogue about types that Relation messages identify only by oid: composites, domains, arrays.
 * Law: a field's name is printed only if it is known for the moment of the row.
 * Way in: TypeWatch.prepare().
 */

import { INVALID_LSN, type Lsn, formatLsn, lsnOf, maxLsn } from "../../lsn.ts";
import type { OtherMessage, Relation, WalPosition } from "../../postgres/messages/messages.ts";
import type {
  CatalogueType,
  RuledColumns,
  TypeRegistry,
} from "../../postgres/messages/type-registry.ts";
import { type Horizon, NO_HORIZON } from "../start/horizon.ts";
import type { SessionNews } from "../start/options.ts";
import type { CatalogueAnswer, SeenType, TypeCatalogue } from "./catalogue.ts";

interface TypeWatchParts {
  readonly types: TypeRegistry;
  readonly catalogue: TypeCatalogue;
  /** Called with what was added to `types`, at that point of the stream. */
  readonly learned: (asked: readonly number[], types: readonly CatalogueType[]) => void;
  readonly warn: SessionNews["warn"];
  /** Those of the stream. */
  readonly publications: readonly string[];
  /** Called for each relation that somebody has to know more of. */
  readonly ruled: (relation: number, columns: RuledColumns) => void;
  readonly isAsked: (relation: Relation) => boolean;
}

/** A composite type that a column of the stream uses. */
interface Composite {
  seen: SeenType;
  /** The position from which on its fields are known. Undefined: everywhere. */
  since: Lsn | undefined;
  /** Why it is not known whether the fields are still the same. */
  doubt: string | undefined;
  /** Its values are currently printed with their fields. */
  shown: boolean;
  warned: boolean;
}

/** How long to wait after WAL that was not sent, perhaps an ALTER TYPE: one query then covers several. */
const IDLE_MS = 100;

/**
 * Keeps what the catalogue says about types current while the stream continues. The server sends nothing when a
 * composite type is altered, and values contain no names. So, before a transaction that committed after the last
 * answer, the catalogue is queried again. If an answer equals the one before, it is valid for everything that committed
 * between the two. Otherwise, what committed between them and is still to come is printed as text.
 */
export class TypeWatch {
  readonly #parts: TypeWatchParts;
  readonly #relations = new Set<number>();
  readonly #composites = new Map<number, Composite>();
  /** What is still to come is not before this position; 0/0 if not known. */
  #position = INVALID_LSN;
  /** The fields are known for everything that committed before this position. */
  #checked = INVALID_LSN;
  #slot = "";
  #horizon = NO_HORIZON;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TypeWatchParts) {
    this.#parts = parts;
    parts.types.onUnknownFields = (oid) => this.#warn(oid);
  }

  /** Call it when a stream from that slot starts, at or after the horizon. */
  start(slot: string, horizon: Horizon): void {
    // This may be a different server than before.
    this.#parts.catalogue.close();
    this.#slot = slot;
    this.#horizon = horizon;
  }

  /** Undefined if the message can be rendered now. */
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
        // A Begin in front of an Origin has no position.
        this.#moveTo(message.position);
        return undefined;
      default:
        return undefined;
    }
  }

  /** A keepalive advanced without a transaction: there is time to query before the next one comes. */
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

  /** What the catalogue knows of a relation and its columns. */
  #relation(relation: Relation): Promise<void> | undefined {
    const types = this.#columnTypes(relation);
    const { catalogue, isAsked, ruled } = this.#parts;
    if (!isAsked(relation)) return types;
    const asking = catalogue
      .ruledColumns(relation, this.#parts.publications)
      .then((columns) => ruled(relation.oid, columns));
    return types === undefined ? asking : Promise.all([types, asking]).then(() => {});
  }

  /** Queries new types; for a relation announced again all its types, since one may have been renamed. */
  #columnTypes({ oid, columns }: Relation): Promise<void> | undefined {
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

  /** For a row of a transaction that may not have committed. Undefined if it can be rendered now. */
  prepareStreamed(position: WalPosition): Promise<void> | undefined {
    if (this.#composites.size === 0 || lsnOf(position) < this.#checked) return undefined;
    return this.#check();
  }

  /** @param end the position of its commit */
  #begin(position: WalPosition, end: Lsn): Promise<void> | undefined {
    if (this.#composites.size === 0 || end < this.#checked) {
      this.#moveTo(position);
      return undefined;
    }
    return this.#check().then(() => this.#moveTo(position));
  }

  /**
   * Until the next such call, no message is before `position`: transactions come in the order of their ends, and one
   * that began earlier may come later. 0/0 if not known yet.
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
      // The stream continues. If the server is gone, the stream's own connection will show it.
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

  /** Returns whether the registry needs to be updated. */
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

  /** Returns whether the form of its values changes from here on. */
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

  /** A value of the type was just printed as text. */
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

  /** @param unknown oids that the catalogue does not have */
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

/** The position from which on the fields of a new type are known. */
function knownSince({ unaltered }: SeenType, before: Horizon, now: Horizon): Lsn | undefined {
  if (unaltered === "always") return undefined;
  return unaltered === "horizon" ? before.position : now.position;
}
