import { DecodeError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type {
  PgoutputMessage,
  Relation,
  TableAction,
  Transaction,
} from "../../postgres/messages/messages.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import { Carried } from "./carried.ts";
import {
  type Fields,
  INVALID,
  NEVER,
  contentIn,
  integerIn,
  lsnIn,
  nameOnly,
  numberIn,
  positionIn,
  schemaIn,
  textIn,
  timeIn,
  xidIn,
} from "./fields.ts";
import { bytesOf, elementsOf, membersOf, stringOf } from "./raw-json.ts";
import { isPlainText, NULL, sentValue, UNCHANGED, vagueness } from "./values.ts";
import { type Description, Tables, filtered } from "./tables.ts";
import { type SentValue, Tuples } from "./tuples.ts";

/** Messages out of the lines that walctl printed of them. What begins and what announces something has to come first. */
export class Lines {
  /** Refuses changes of tables that no line describes, and of transactions that no line begins. */
  readonly #isExact: boolean;
  readonly #tables: Tables;
  readonly #carried: Carried;
  readonly #tuples = new Tuples();
  #transaction: Transaction | null = null;
  #isText = false;
  /** Another program printed the line, with its keys in an order of its own. */
  #isSorted = false;

  constructor(isExact: boolean, carried = new Carried()) {
    this.#isExact = isExact;
    this.#carried = carried;
    this.#tables = new Tables(isExact, carried);
  }

  /** What the files before describe and the last message needs, which comes first. */
  takeRecalled(): readonly Description[] {
    return this.#tables.takeRecalled(this.#transaction);
  }

  /** @throws DecodeError with the offset in the line */
  message(line: string): PgoutputMessage {
    const fields = membersOf(line);
    const kind = textIn(fields, "kind");
    this.#isSorted = fields.keys().next().value !== "kind";
    const position = positionIn(fields);
    const transaction = this.#transactionOf(kind, fields);
    const of = { position, transaction: transaction ?? { xid: 0, commitTime: null } };
    const lsn = (key: string): Lsn => lsnIn(fields, key);
    const time = (key: string): PgTime => timeIn(fields, key);
    const preparing = (): { gid: string; prepareLsn: Lsn; endLsn: Lsn; prepareTime: PgTime } => ({
      gid: textIn(fields, "gid"),
      prepareLsn: lsn("prepare_lsn"),
      endLsn: lsn("end_lsn"),
      prepareTime: time("prepare_time"),
    });
    switch (kind) {
      case "begin": {
        const aborted = fields.get("aborted") === "true";
        const partial = fields.get("partial") === "true";
        const commitTime = aborted ? NEVER : time("commit_time");
        const finalLsn = aborted ? INVALID : lsn("commit_lsn");
        this.#tables.begins(finalLsn);
        const marks = { ...(partial ? { partial } : {}), ...(aborted ? { aborted } : {}) };
        return { kind, ...of, finalLsn, commitTime, ...marks };
      }
      case "commit":
      case "stream_commit":
        this.#tables.ended(lsn("end_lsn"));
        return {
          kind,
          ...of,
          commitLsn: lsn("commit_lsn"),
          endLsn: lsn("end_lsn"),
          commitTime: time("commit_time"),
          ...lostIn(fields),
        };
      case "origin":
        return {
          kind,
          position,
          transaction,
          originLsn: lsn("origin_lsn"),
          name: textIn(fields, "name"),
        };
      case "relation":
        return { kind, position, transaction, relation: this.#tables.describe(fields) };
      case "type": {
        const [oid, schema, name] = [
          numberIn(fields, "oid"),
          schemaIn(fields),
          textIn(fields, "name"),
        ];
        const message = { kind, position, transaction, oid, schema, name } as const;
        this.#tables.announce(message);
        return message;
      }
      case "insert":
      case "update":
      case "delete": {
        const relation = this.#tables.of(fields);
        const unchanged = new Set(elementsOf(fields.get("unchanged") ?? "[]").map(stringOf));
        const tuple = (name: string, whole: boolean): TupleData | null => {
          const row = fields.get(name);
          return row === undefined
            ? null
            : this.#tuple(membersOf(row), relation, whole ? unchanged : null);
        };
        return {
          kind,
          position,
          transaction,
          relation,
          key: tuple("key", false),
          old: tuple("old", true),
          new: tuple("new", true),
        } as PgoutputMessage;
      }
      case "truncate":
        return {
          kind,
          position,
          transaction,
          relations: elementsOf(fields.get("tables") ?? "[]").map((table) =>
            this.#tables.of(membersOf(table)),
          ),
          cascade: fields.get("cascade") === "true",
          restartIdentity: fields.get("restart_identity") === "true",
        };
      case "message":
        return {
          kind,
          position,
          transaction,
          transactional: fields.get("transactional") === "true",
          messageLsn: lsn("message_lsn"),
          prefix: textIn(fields, "prefix"),
          content: contentIn(fields),
        };
      case "stream_start":
        return { kind, ...of, firstSegment: fields.get("first_segment") === "true" };
      case "stream_stop":
        return { kind, position, transaction };
      case "stream_abort": {
        const has = (key: string): boolean => fields.get(key) !== "null";
        return {
          kind,
          ...of,
          subxid: xidIn(fields, "subxid"),
          abortLsn: has("abort_lsn") ? lsn("abort_lsn") : null,
          abortTime: has("abort_time") ? time("abort_time") : null,
        };
      }
      case "begin_prepare":
      case "prepare":
      case "stream_prepare":
        return { kind, ...of, ...preparing() };
      case "commit_prepared":
        return {
          kind,
          ...of,
          gid: textIn(fields, "gid"),
          commitLsn: lsn("commit_lsn"),
          endLsn: lsn("end_lsn"),
          commitTime: time("commit_time"),
        };
      case "rollback_prepared":
        return {
          kind,
          ...of,
          gid: textIn(fields, "gid"),
          prepareEndLsn: lsn("prepare_end_lsn"),
          rollbackEndLsn: lsn("rollback_end_lsn"),
          prepareTime: time("prepare_time"),
          rollbackTime: time("rollback_time"),
        };
      case "abort":
        return {
          kind,
          ...of,
          abortLsn: lsn("abort_lsn"),
          abortTime: time("abort_time"),
          ...lostIn(fields),
        };
      case "table_changed": {
        const old = fields.get("old_relfilenode");
        return {
          kind,
          position,
          transaction,
          action: textIn(fields, "action") as TableAction,
          relation: nameOnly(fields, numberIn(fields, "oid")),
          relfilenode: numberIn(fields, "relfilenode"),
          oldRelfilenode: old === undefined || old === "null" ? undefined : Number(old),
        };
      }
      case "sequence": {
        return {
          kind,
          position,
          transaction,
          relation: nameOnly(fields, numberIn(fields, "oid"), "name"),
          lastValue: integerIn(fields, "last_value"),
          isCalled: fields.get("is_called") === "true",
          mayBeAhead: fields.get("may_be_ahead") === "true",
        };
      }
      case "unknown": {
        const bytes = bytesOf(textIn(fields, "bytes_base64"));
        return { kind, position, transaction, tag: bytes[0] ?? 0, bytes };
      }
      default:
        throw new DecodeError(`line: no line of walctl has the kind "${kind.slice(0, 40)}"`, 0);
    }
  }

  /** All lines of a transaction share one object, but in a stream block: there a line has its subtransaction's xid. */
  #transactionOf(kind: string, fields: Fields): Transaction | null {
    const xid = fields.get("xid") ?? "null";
    const time = fields.get("commit_time");
    const open = this.#transaction;
    const begins = kind === "begin" || kind === "begin_prepare" || kind === "stream_start";
    if (xid === "null") return null;
    const isTimed = time !== undefined && time !== "null";
    const number = xidIn(fields, "xid");
    const isSame = open !== null && open.xid === number && !begins;
    const transaction = isSame
      ? open
      : { xid: number, commitTime: isTimed ? timeIn(fields, "commit_time") : null };
    if (
      this.#isExact &&
      isTimed &&
      !begins &&
      open === null &&
      !kind.startsWith("stream") &&
      kind !== "commit_prepared"
    ) {
      throw filtered(`the begin line of transaction ${xid}`);
    }
    if (begins) this.#transaction = transaction;
    else if (/^(?:commit|abort|prepare|stream_stop)$/.test(kind)) this.#transaction = null;
    return transaction;
  }

  /** @param unchanged null: what the row lacks is a placeholder */
  #tuple(row: Fields, relation: Relation, unchanged: ReadonlySet<string> | null): TupleData {
    const types = this.#tables.typesOf(relation);
    if (this.#isExact) requireColumns(row, relation, unchanged);
    const raws = relation.columns.map(({ name }) => row.get(name));
    // A value that says so may stand behind one that does not.
    this.#isText ||= raws.some(
      (raw, index) => raw !== undefined && isPlainText(raw, types[index]!),
    );
    const values = relation.columns.map(({ name }, index): SentValue => {
      const [raw, type] = [raws[index], types[index]!];
      if (raw === undefined) return unchanged === null ? NULL : UNCHANGED;
      const vague = this.#isExact ? vagueness(raw, type, this.#isText, this.#isSorted) : undefined;
      if (vague !== undefined) this.#carried.vague.add(`${nameOf(relation, name)}: ${vague}`);
      const value = sentValue(raw, type, this.#isText, this.#isExact, this.#isSorted);
      if (value === UNCHANGED) this.#carried.untold.add(nameOf(relation, name));
      return value;
    });
    return this.#tuples.tuple(values);
  }
}

function nameOf({ schema, table }: Relation, column: string): string {
  return `${column} of ${schema === "" ? "pg_catalog" : schema}.${table}`;
}

function lostIn(fields: Fields): { readonly lost?: number } {
  return fields.has("lost") ? { lost: numberIn(fields, "lost") } : {};
}

/** A row of a format that would pass over a value that is missing. A key has only the columns of the key. */
function requireColumns(
  row: Fields,
  { columns, schema, table }: Relation,
  unchanged: ReadonlySet<string> | null,
): void {
  const lacks = columns.find(
    ({ key, name }) => !row.has(name) && (unchanged === null ? key : !unchanged.has(name)),
  );
  if (lacks !== undefined)
    throw filtered(`a value of column "${lacks.name}" of ${schema}.${table}`);
  const names = new Set(columns.map(({ name }) => name));
  const other = [...row.keys()].find((name) => !names.has(name));
  if (other === undefined) return;
  throw filtered(`column "${other}" in the relation line of ${schema}.${table}`);
}
