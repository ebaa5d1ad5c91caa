import { DecodeError, ExitCode, WalctlError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import { BUILTIN_TYPES } from "../../pgoutput/builtin-types.ts";
import type {
  Column,
  PgoutputMessage,
  Relation,
  ReplicaIdentity,
  TableAction,
  Transaction,
} from "../../pgoutput/messages.ts";
import type { TupleData } from "../../pgoutput/tuple.ts";
import {
  type Fields,
  INVALID,
  NEVER,
  contentIn,
  lsnIn,
  nameOnly,
  numberIn,
  positionIn,
  schemaIn,
  textIn,
  timeIn,
} from "./fields.ts";
import { elementsOf, membersOf, stringOf } from "./raw-json.ts";
import {
  isPlainText,
  NULL,
  sentValue,
  type SentValue,
  tupleOf,
  UNCHANGED,
  type ValueType,
} from "./values.ts";

const BUILTINS: ReadonlyMap<string, number> = new Map(
  BUILTIN_TYPES.map(([oid, name]) => [name, oid]),
);
const TEXT = 25;

/** Messages out of the lines that walctl printed of them. What begins and what announces something has to come first. */
export class Lines {
  /** Refuses changes of tables that no line describes, and of transactions that no line begins. */
  readonly #isExact: boolean;
  /** The last description of each table, by name. */
  readonly #relations = new Map<string, Relation>();
  readonly #types = new Map<Relation, readonly ValueType[]>();
  /** Base types of domains, by oid. */
  readonly #bases = new Map<number, number>();
  #transaction: Transaction | null = null;
  #isText = false;

  constructor(isExact: boolean) {
    this.#isExact = isExact;
  }

  /** @throws DecodeError with the offset in the line */
  message(line: string): PgoutputMessage {
    const fields = membersOf(line);
    const kind = textIn(fields, "kind");
    const position = positionIn(fields);
    const transaction = this.#transactionOf(kind, fields);
    const of = { position, transaction: transaction ?? { xid: 0, commitTime: null } };
    const lsn = (key: string): Lsn => lsnIn(fields, key);
    const time = (key: string): PgTime => timeIn(fields, key);
    const preparing = (): { gid: string; prepareLsn: Lsn; endLsn: Lsn; prepareTime: PgTime } => ({
      ...{ gid: textIn(fields, "gid"), prepareLsn: lsn("prepare_lsn"), endLsn: lsn("end_lsn") },
      prepareTime: time("prepare_time"),
    });
    switch (kind) {
      case "begin": {
        const aborted = fields.get("aborted") === "true";
        const partial = fields.get("partial") === "true";
        const commitTime = aborted ? NEVER : time("commit_time");
        const finalLsn = aborted ? INVALID : lsn("commit_lsn");
        const marks = { ...(partial ? { partial } : {}), ...(aborted ? { aborted } : {}) };
        return { kind, ...of, finalLsn, commitTime, ...marks };
      }
      case "commit":
      case "stream_commit":
        return {
          ...{ kind, ...of, commitLsn: lsn("commit_lsn"), endLsn: lsn("end_lsn") },
          commitTime: time("commit_time"),
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
        return { kind, position, transaction, relation: this.#relation(fields) };
      case "type": {
        const [oid, schema, name] = [
          numberIn(fields, "oid"),
          schemaIn(fields),
          textIn(fields, "name"),
        ];
        const base = schema === "" ? BUILTINS.get(name) : undefined;
        if (base !== undefined) this.#bases.set(oid, base);
        return { kind, position, transaction, oid, schema, name };
      }
      case "insert":
      case "update":
      case "delete": {
        const relation = this.#relationOf(fields);
        const unchanged = new Set(elementsOf(fields.get("unchanged") ?? "[]").map(stringOf));
        const tuple = (name: string, whole: boolean): TupleData | null => {
          const row = fields.get(name);
          return row === undefined
            ? null
            : this.#tuple(membersOf(row), relation, whole ? unchanged : null);
        };
        return {
          ...{ kind, position, transaction, relation },
          ...{ key: tuple("key", false), old: tuple("old", true), new: tuple("new", true) },
        } as PgoutputMessage;
      }
      case "truncate":
        return {
          ...{ kind, position, transaction },
          relations: elementsOf(fields.get("tables") ?? "[]").map((table) =>
            this.#relationOf(membersOf(table)),
          ),
          cascade: fields.get("cascade") === "true",
          restartIdentity: fields.get("restart_identity") === "true",
        };
      case "message":
        return {
          ...{ kind, position, transaction, transactional: fields.get("transactional") === "true" },
          ...{ messageLsn: lsn("message_lsn"), prefix: textIn(fields, "prefix") },
          content: contentIn(fields),
        };
      case "stream_start":
        return { kind, ...of, firstSegment: fields.get("first_segment") === "true" };
      case "stream_stop":
        return { kind, position, transaction };
      case "stream_abort": {
        const has = (key: string): boolean => fields.get(key) !== "null";
        return {
          ...{ kind, ...of, subxid: numberIn(fields, "subxid") },
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
          ...{ kind, ...of, gid: textIn(fields, "gid"), commitLsn: lsn("commit_lsn") },
          ...{ endLsn: lsn("end_lsn"), commitTime: time("commit_time") },
        };
      case "rollback_prepared":
        return {
          ...{ kind, ...of, gid: textIn(fields, "gid"), prepareEndLsn: lsn("prepare_end_lsn") },
          ...{ rollbackEndLsn: lsn("rollback_end_lsn"), prepareTime: time("prepare_time") },
          rollbackTime: time("rollback_time"),
        };
      case "abort":
        return { kind, ...of, abortLsn: lsn("abort_lsn"), abortTime: time("abort_time") };
      case "table_changed": {
        const old = fields.get("old_relfilenode");
        return {
          ...{ kind, position, transaction, action: textIn(fields, "action") as TableAction },
          ...{ relation: nameOnly(fields, numberIn(fields, "oid")) },
          relfilenode: numberIn(fields, "relfilenode"),
          oldRelfilenode: old === undefined || old === "null" ? undefined : Number(old),
        };
      }
      case "unknown": {
        const bytes = new Uint8Array(Buffer.from(textIn(fields, "bytes_base64"), "base64"));
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
    const commitTime = time === undefined || time === "null" ? null : timeIn(fields, "commit_time");
    const open = this.#transaction;
    const begins = kind === "begin" || kind === "begin_prepare" || kind === "stream_start";
    if (xid === "null") return null;
    const isSame = open !== null && open.xid === Number(xid);
    const transaction = isSame && !begins ? open : { xid: Number(xid), commitTime };
    const isChange = time !== undefined && !begins;
    if (
      this.#isExact &&
      isChange &&
      commitTime !== null &&
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

  #relation(fields: Fields): Relation {
    const columns = elementsOf(fields.get("columns") ?? "[]").map(
      (column): [Column, string | null] => {
        const of = membersOf(column);
        const type = of.get("type") ?? "null";
        return [
          {
            ...{ name: textIn(of, "name"), key: of.get("key") === "true" },
            ...{ typeOid: numberIn(of, "type_oid"), typeModifier: numberIn(of, "type_modifier") },
          },
          type === "null" ? null : stringOf(type),
        ];
      },
    );
    const relation: Relation = {
      ...{ oid: numberIn(fields, "oid"), schema: schemaIn(fields), table: textIn(fields, "table") },
      replicaIdentity: textIn(fields, "replica_identity") as ReplicaIdentity,
      columns: columns.map(([column]) => column),
      ...{ keyed: columns.some(([{ key }]) => key), announced: true },
    };
    this.#know(
      relation,
      columns.map(([, name]) => name),
    );
    return relation;
  }

  #know(relation: Relation, names: readonly (string | null)[]): void {
    this.#relations.set(keyOf(relation.schema, relation.table), relation);
    const types = relation.columns.map(({ typeOid }, index) => ({
      ...{ oid: this.#bases.get(typeOid) ?? typeOid, name: names[index] ?? null },
    }));
    this.#types.set(relation, types);
  }

  #relationOf(fields: Fields): Relation {
    if (fields.has("oid"))
      return this.#standIn(nameOnly(fields, numberIn(fields, "oid")), fields, false);
    const [schema, table] = [schemaIn(fields), textIn(fields, "table")];
    const known = this.#relations.get(keyOf(schema, table));
    if (known !== undefined) return known;
    if (this.#isExact) {
      throw filtered(`the relation line of ${schema}.${table}`);
    }
    return this.#standIn(nameOnly(fields, this.#relations.size + 1), fields, true);
  }

  /** Of a table that no line describes: the columns of its first row, and no types. */
  #standIn(name: Relation, fields: Fields, announced: boolean): Relation {
    const key = new Set(membersOf(fields.get("key") ?? "{}").keys());
    const row = membersOf(fields.get("new") ?? fields.get("old") ?? fields.get("key") ?? "{}");
    const columns = [...row.keys()].map((column) => ({
      ...{ name: column, key: key.has(column), typeOid: announced ? TEXT : 0, typeModifier: -1 },
    }));
    const relation = { ...name, columns, keyed: key.size > 0, announced };
    this.#know(relation, []);
    return relation;
  }

  /** @param unchanged null: what the row lacks is a placeholder */
  #tuple(row: Fields, relation: Relation, unchanged: ReadonlySet<string> | null): TupleData {
    const types = this.#types.get(relation) ?? [];
    const values = relation.columns.map(({ name }, index): SentValue => {
      const type = types[index] ?? { oid: 0, name: null };
      const raw = row.get(name);
      if (raw === undefined) return unchanged?.has(name) === true ? UNCHANGED : NULL;
      this.#isText ||= isPlainText(raw, type);
      return sentValue(raw, type, this.#isText);
    });
    return tupleOf(values);
  }
}

function keyOf(schema: string, table: string): string {
  return `${schema}\0${table}`;
}

/** For SQL and the formats of other programs, which would pass over what is missing. */
function filtered(what: string): WalctlError {
  return new WalctlError(`${what} is not in the input, and this format needs it`, {
    hint: "Print the lines without --only and --where. As tables: -F table.",
    exitCode: ExitCode.malformedInput,
  });
}
