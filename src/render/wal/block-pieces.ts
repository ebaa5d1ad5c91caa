import type { BlockReference } from "../../postgres/records/block-reference.ts";
import { FORK_NAMES } from "../../postgres/records/files.ts";
import type { RelationName, RelationNames } from "../../wal/relation-name.ts";
import { type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";

/**
 * The number of entries kept, each at its own place, where another one may replace it: a log may contain more relations
 * than memory can hold.
 */
const PLACES = 4096;

/** The constant parts of references to one fork of a relation. */
interface Pieces {
  readonly generation: number;
  readonly id: number;
  readonly fork: number;
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
  readonly head: Piece;
  /** Undefined if no name is known. */
  readonly name: Piece | undefined;
}

/** The constant parts of block references, prepared once for each relation. */
export class BlockPieces {
  readonly #names: RelationNames;
  readonly #places: (Pieces | undefined)[] = Array.from({ length: PLACES }, () => undefined);

  constructor(names: RelationNames) {
    this.#names = names;
  }

  /** The result is valid until the next call. */
  of(block: BlockReference): Pieces {
    const place = (block.relfilenode + block.id * 1021 + block.fork * 509) % PLACES;
    const kept = this.#places[place];
    const known =
      kept !== undefined &&
      kept.relfilenode === block.relfilenode &&
      kept.id === block.id &&
      kept.fork === block.fork &&
      kept.database === block.database &&
      kept.tablespace === block.tablespace &&
      kept.generation === this.#names.generation;
    return known ? kept : (this.#places[place] = this.#make(block, kept?.head ?? piece("")));
  }

  #make(block: BlockReference, head: Piece): Pieces {
    const { id, fork, tablespace, database, relfilenode } = block;
    const locator = `"tablespace":${tablespace},"database":${database},"relfilenode":${relfilenode}`;
    const forkName = jsonString(FORK_NAMES[fork] ?? String(fork));
    head.rewriteAscii(`{"id":${id},${locator},"fork":${forkName},"block":`);
    const { generation } = this.#names;
    const name = namePiece(this.#names.nameOf(tablespace, database, relfilenode));
    return { generation, id, fork, tablespace, database, relfilenode, head, name };
  }
}

function namePiece(name: RelationName | undefined): Piece | undefined {
  if (name === undefined) return undefined;
  const schema = name.schema === null ? "null" : jsonString(name.schema);
  const relation = name.relation === undefined ? "" : `,"relation":${jsonString(name.relation)}`;
  return piece(`,"schema":${schema},"table":${jsonString(name.table)}${relation}`);
}
