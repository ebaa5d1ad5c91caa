import type { PgTime } from "../../pg-time.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import { TransactionFamily } from "../../wal/parents.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import { RECORD_TYPES, type RecordNames, recordNames } from "../../postgres/records/rmgrs.ts";
import { recordTime } from "../../wal/times.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";

/** Undefined parts match anything. */
export interface RelationPattern {
  readonly tablespace: number | undefined;
  readonly database: number | undefined;
  readonly relfilenode: number;
}

export interface RecordFilterOptions {
  /** Undefined: the start of the input. */
  readonly startPosition: number | undefined;
  readonly endPosition: number | undefined;
  readonly since: PgTime | undefined;
  readonly until: PgTime | undefined;
  readonly xids: readonly number[];
  /** In lower case. */
  readonly rmgrs: readonly string[];
  readonly types: readonly string[];
  readonly relations: readonly RelationPattern[];
  readonly tables: readonly TablePattern[];
  readonly block: number | undefined;
  readonly fullPageImages: boolean;
}

export const Verdict = { pass: 1, leaveOut: 2, enough: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

type Test = (record: WalRecord, version: WalVersion) => Verdict;

const INIT = "+init";

/** Needs to see every record, in order. A record has to match every option that is given, and one value of each. */
export function createRecordFilter(options: RecordFilterOptions, names: RelationNames): Test {
  const tests = testsOf(options, names);
  const [first, second] = tests;
  if (first === undefined) return () => Verdict.pass;
  if (second === undefined) return first;
  return (record, version) => {
    let worst: Verdict = Verdict.pass;
    // Every test sees every record: some learn from records that others leave out.
    for (const test of tests) {
      const verdict = test(record, version);
      if (verdict > worst) worst = verdict;
    }
    return worst;
  };
}

function testsOf(options: RecordFilterOptions, names: RelationNames): readonly Test[] {
  const { startPosition: start, endPosition: end, xids } = options;
  const tests: Test[] = [];
  if (start !== undefined) tests.push(({ lsn }) => passIf(lsn >= start));
  if (end !== undefined) tests.push(({ lsn }) => (lsn > end ? Verdict.enough : Verdict.pass));
  if (options.since !== undefined) tests.push(sinceTest(options.since));
  if (options.until !== undefined) tests.push(untilTest(options.until));
  if (xids.length > 0) {
    const family = new TransactionFamily(xids);
    tests.push((record, version) => passIf(family.has(record, version)));
  }
  if (options.rmgrs.length > 0 || options.types.length > 0) tests.push(typeTest(options));
  if (options.relations.length > 0) tests.push(relationTest(options));
  if (options.tables.length > 0) tests.push(tableTest(options, names));
  if (options.fullPageImages) tests.push(({ imageBytes }) => passIf(imageBytes > 0));
  return tests;
}

function passIf(holds: boolean): Verdict {
  return holds ? Verdict.pass : Verdict.leaveOut;
}

function sinceTest(since: PgTime): Test {
  let begun = false;
  return (record, version) => {
    if (!begun) begun = (recordTime(record, version) ?? since - 1n) >= since;
    return passIf(begun);
  };
}

function untilTest(until: PgTime): Test {
  return (record, version) => {
    const time = recordTime(record, version);
    return time !== undefined && time > until ? Verdict.enough : Verdict.pass;
  };
}

/** Compares names once for each version instead of once for each record. */
function typeTest({ rmgrs, types }: RecordFilterOptions): Test {
  const wanted = new Map<WalVersion, Uint8Array>();
  return (record, version) => {
    let table = wanted.get(version);
    if (table === undefined) {
      wanted.set(version, (table = wantedTypes(recordNames(version), rmgrs, types)));
    }
    return passIf(table[record.rmgr * 16 + (record.info >> 4)] === 1);
  };
}

function wantedTypes(
  names: RecordNames,
  rmgrs: readonly string[],
  types: readonly string[],
): Uint8Array {
  const table = new Uint8Array(RECORD_TYPES);
  for (let index = 0; index < RECORD_TYPES; index++) {
    const id = names.id(index >> 4, (index & 15) << 4);
    const rmgr = names.rmgr(id).toLowerCase();
    const type = names.type(id).toLowerCase();
    const base = type.endsWith(INIT) ? type.slice(0, -INIT.length) : type;
    const rmgrFits = rmgrs.length === 0 || rmgrs.includes(rmgr);
    const typeFits = types.length === 0 || types.includes(type) || types.includes(base);
    table[index] = rmgrFits && typeFits ? 1 : 0;
  }
  return table;
}

function relationTest({ relations, block: number }: RecordFilterOptions): Test {
  return ({ blocks, blockCount }) => {
    for (let index = 0; index < blockCount; index++) {
      const block = blocks[index]!;
      if (number !== undefined && block.block !== number) continue;
      for (const { relfilenode, database, tablespace } of relations) {
        const fits =
          block.relfilenode === relfilenode &&
          (database === undefined || block.database === database) &&
          (tablespace === undefined || block.tablespace === tablespace);
        if (fits) return Verdict.pass;
      }
    }
    return Verdict.leaveOut;
  };
}

/** Of each file the answer is kept until names may have changed. */
function tableTest({ tables, block: number }: RecordFilterOptions, names: RelationNames): Test {
  const known = new Map<string, boolean>();
  let generation = names.generation;
  const matches = ({ tablespace, database, relfilenode }: BlockReference): boolean => {
    if (generation !== names.generation) known.clear();
    generation = names.generation;
    const key = `${tablespace}/${database}/${relfilenode}`;
    let fits = known.get(key);
    if (fits === undefined) {
      const name = names.nameOf(tablespace, database, relfilenode);
      fits =
        name !== undefined && tables.some((pattern) => pattern.fits(name.schema ?? "", name.table));
      known.set(key, fits);
    }
    return fits;
  };
  return ({ blocks, blockCount }) => {
    for (let index = 0; index < blockCount; index++) {
      const block = blocks[index]!;
      if ((number === undefined || block.block === number) && matches(block)) return Verdict.pass;
    }
    return Verdict.leaveOut;
  };
}
