import { describeRelationMap } from "../../wal/detail/storage.ts";
import { Payload } from "../../wal/detail/payload.ts";
import type { DetailRow, DetailSink } from "../../wal/detail/sink.ts";
import type { WalRecord } from "../../wal/record.ts";

export interface RelationMap {
  readonly database: number;
  readonly mappings: ReadonlyArray<{ readonly oid: number; readonly relfilenode: number }>;
}

class MapSink implements DetailSink {
  database = 0;
  mappings: { oid: number; relfilenode: number }[] = [];

  number(key: string, value: number): void {
    if (key === "database") this.database = value;
  }

  rows(_key: string, value: readonly DetailRow[]): void {
    this.mappings = value.map(({ oid = 0, relfilenode = 0 }) => ({ oid, relfilenode }));
  }

  numbers(): void {}
  bool(): void {}
  text(): void {}
  lsn(): void {}
  time(): void {}
  names(): void {}
}

/**
 * A RelMap UPDATE: the files of all mapped relations.
 * @throws ShortPayload
 */
export function relationMap(record: WalRecord): RelationMap {
  const sink = new MapSink();
  describeRelationMap(new Payload().main(record), sink);
  return sink;
}
