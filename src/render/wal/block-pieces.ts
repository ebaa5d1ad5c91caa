import type { BlockReference } from "../../wal/block-reference.ts";
import { FORK_NAMES } from "../../wal/detail/storage.ts";
import type { RelationName, RelationNames } from "../../wal/relation-name.ts";
import { type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";

/** So many are kept: a log may hold more relations than memory. */
const KEPT_MAX = 8192;

/** What does not change from one reference of a relation's fork to the next. */
interface Pieces {
  readonly id: number;
  readonly fork: number;
  readonly tablespace: number;
  readonly database: number;
  readonly head: Piece;
  /** Undefined: no name is known. */
  readonly name: Piece | undefined;
}

/** The constant parts of block references, made once for each relation. */
export class BlockPieces {
  readonly #names: RelationNames;
  #generation = 0;
  #kept = 0;
  readonly #byRelfilenode = new Map<number, Pieces[]>();

  constructor(names: RelationNames) {
    this.#names = names;
  }

  of(block: BlockReference): Pieces {
    if (this.#names.generation !== this.#generation || this.#kept > KEPT_MAX) this.#forget();
    let all = this.#byRelfilenode.get(block.relfilenode);
    if (all === undefined) this.#byRelfilenode.set(block.relfilenode, (all = []));
    for (let index = 0; index < all.length; index++) {
      const each = all[index]!;
      if (
        each.id === block.id &&
        each.fork === block.fork &&
        each.database === block.database &&
        each.tablespace === block.tablespace
      ) {
        return each;
      }
    }
    const made = this.#make(block);
    all.push(made);
    this.#kept++;
    return made;
  }

  #forget(): void {
    this.#generation = this.#names.generation;
    this.#kept = 0;
    this.#byRelfilenode.clear();
  }

  #make({ id, fork, tablespace, database, relfilenode }: BlockReference): Pieces {
    const locator = `"tablespace":${tablespace},"database":${database},"relfilenode":${relfilenode}`;
    const forkName = jsonString(FORK_NAMES[fork] ?? String(fork));
    const head = piece(`{"id":${id},${locator},"fork":${forkName},"block":`);
    const name = this.#names.nameOf(tablespace, database, relfilenode);
    return { id, fork, tablespace, database, head, name: namePiece(name) };
  }
}

function namePiece(name: RelationName | undefined): Piece | undefined {
  if (name === undefined) return undefined;
  const schema = name.schema === null ? "null" : jsonString(name.schema);
  const relation = name.relation === undefined ? "" : `,"relation":${jsonString(name.relation)}`;
  return piece(`,"schema":${schema},"table":${jsonString(name.table)}${relation}`);
}
