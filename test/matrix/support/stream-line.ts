/** A line of NDJSON as the matrix looks at it: values stay as they are written. */
import { type Members, membersOf } from "./exact-json.ts";

/** A row of the line: canonical JSON by column. */
export type Row = Members;

export class StreamLine {
  readonly members: Members;
  readonly kind: string;

  constructor(text: string) {
    this.members = membersOf(text);
    this.kind = String(this.value("kind"));
  }

  /** What JSON.parse makes of it; undefined: the line has no such key. */
  value(key: string): unknown {
    const text = this.members.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  text(key: string): string {
    return String(this.value(key));
  }

  number(key: string): number {
    return Number(this.value(key));
  }

  row(key: "new" | "old" | "key"): Row | undefined {
    const text = this.members.get(key);
    return text === undefined ? undefined : membersOf(text);
  }

  /** Columns whose values the server did not send. */
  get unchanged(): readonly string[] {
    return namesIn(this.value("unchanged"));
  }

  /** `schema.table`, as the relation's own line has it. */
  get table(): string {
    return `${this.text("schema")}.${this.text("table")}`;
  }
}

interface RelationColumn {
  readonly name: string;
  readonly key: boolean;
  readonly type: string | null;
  readonly type_oid: number;
  readonly type_modifier: number;
}

/** What a line of kind `relation` tells. */
export interface RelationInfo {
  readonly oid: number;
  readonly table: string;
  readonly identity: string;
  readonly columns: readonly RelationColumn[];
}

export function relationInfo(line: StreamLine): RelationInfo {
  return {
    oid: line.number("oid"),
    table: line.table,
    identity: line.text("replica_identity"),
    columns: line.value("columns") as readonly RelationColumn[],
  };
}

export function parseStream(output: string): StreamLine[] {
  const lines = output.split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  return lines.map((line) => new StreamLine(line));
}

function namesIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
