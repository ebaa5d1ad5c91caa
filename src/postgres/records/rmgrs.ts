/** Resource managers and their record types, by pg_waldump's names (access/rmgrlist.h, access/rmgrdesc/). */
import type { WalVersion } from "../pages/versions.ts";

export const Rmgr = {
  xlog: 0,
  transaction: 1,
  storage: 2,
  clog: 3,
  database: 4,
  tablespace: 5,
  multiXact: 6,
  relMap: 7,
  standby: 8,
  heap2: 9,
  heap: 10,
  gist: 14,
  sequence: 15,
  commitTs: 18,
  replicationOrigin: 19,
  logicalMessage: 21,
  xlog2: 22,
} as const;

/** Btree, Hash, Gin, Gist, SPGist, BRIN. */
export const INDEX_RMGRS: ReadonlySet<number> = new Set([11, 12, 13, 14, 16, 17]);

/** The first id of custom resource managers, which extensions define. */
const CUSTOM_MIN = 128;

interface RmgrTypes {
  readonly name: string;
  /** By the high four bits of info; undefined for an unused opcode. */
  readonly types: readonly (string | undefined)[];
  /** Bits of info that do not belong to the opcode. */
  readonly flags?: number;
}

/** Parses `"0:A 1:B"`: opcode digit and name. */
function types(text: string): (string | undefined)[] {
  const names = Array.from<string | undefined>({ length: 16 });
  for (const entry of text.split(" ")) {
    const [digit = "", name] = entry.split(":");
    names[Number.parseInt(digit, 16)] = name;
  }
  return names;
}

/** In the order of their ids, as in PostgreSQL 19. */
const LATEST: readonly RmgrTypes[] = [
  {
    name: "XLOG",
    types: types(
      "0:CHECKPOINT_SHUTDOWN 1:CHECKPOINT_ONLINE 2:NOOP 3:NEXTOID 4:SWITCH 5:BACKUP_END 6:PARAMETER_CHANGE 7:RESTORE_POINT " +
        "8:FPW_CHANGE 9:END_OF_RECOVERY A:FPI_FOR_HINT B:FPI C:ASSIGN_LSN D:OVERWRITE_CONTRECORD E:CHECKPOINT_REDO " +
        "F:LOGICAL_DECODING_STATUS_CHANGE",
    ),
  },
  {
    name: "Transaction",
    types: types(
      "0:COMMIT 1:PREPARE 2:ABORT 3:COMMIT_PREPARED 4:ABORT_PREPARED 5:ASSIGNMENT 6:INVALIDATION",
    ),
    // XLOG_XACT_HAS_INFO
    flags: 0x80,
  },
  { name: "Storage", types: types("1:CREATE 2:TRUNCATE") },
  { name: "CLOG", types: types("0:ZEROPAGE 1:TRUNCATE") },
  { name: "Database", types: types("0:CREATE_FILE_COPY 1:CREATE_WAL_LOG 2:DROP") },
  { name: "Tablespace", types: types("0:CREATE 1:DROP") },
  {
    name: "MultiXact",
    types: types("0:ZERO_OFF_PAGE 1:ZERO_MEM_PAGE 2:CREATE_ID 3:TRUNCATE_ID"),
  },
  { name: "RelMap", types: types("0:UPDATE") },
  { name: "Standby", types: types("0:LOCK 1:RUNNING_XACTS 2:INVALIDATIONS") },
  {
    name: "Heap2",
    types: types(
      "0:REWRITE 1:PRUNE_ON_ACCESS 2:PRUNE_VACUUM_SCAN 3:PRUNE_VACUUM_CLEANUP 5:MULTI_INSERT D:MULTI_INSERT+INIT " +
        "6:LOCK_UPDATED 7:NEW_CID",
    ),
  },
  {
    name: "Heap",
    types: types(
      "0:INSERT 8:INSERT+INIT 1:DELETE 2:UPDATE A:UPDATE+INIT 3:TRUNCATE 4:HOT_UPDATE C:HOT_UPDATE+INIT 5:HEAP_CONFIRM " +
        "6:LOCK 7:INPLACE",
    ),
  },
  {
    name: "Btree",
    types: types(
      "0:INSERT_LEAF 1:INSERT_UPPER 2:INSERT_META 3:SPLIT_L 4:SPLIT_R 5:INSERT_POST 6:DEDUP 7:DELETE 8:UNLINK_PAGE " +
        "9:UNLINK_PAGE_META A:NEWROOT B:MARK_PAGE_HALFDEAD C:VACUUM D:REUSE_PAGE E:META_CLEANUP",
    ),
  },
  {
    name: "Hash",
    types: types(
      "0:INIT_META_PAGE 1:INIT_BITMAP_PAGE 2:INSERT 3:ADD_OVFL_PAGE 4:SPLIT_ALLOCATE_PAGE 5:SPLIT_PAGE 6:SPLIT_COMPLETE " +
        "7:MOVE_PAGE_CONTENTS 8:SQUEEZE_PAGE 9:DELETE A:SPLIT_CLEANUP B:UPDATE_META_PAGE C:VACUUM_ONE_PAGE",
    ),
  },
  {
    name: "Gin",
    types: types(
      "1:CREATE_PTREE 2:INSERT 3:SPLIT 4:VACUUM_PAGE 5:DELETE_PAGE 6:UPDATE_META_PAGE 7:INSERT_LISTPAGE 8:DELETE_LISTPAGE " +
        "9:VACUUM_DATA_LEAF_PAGE",
    ),
  },
  {
    name: "Gist",
    types: types("0:PAGE_UPDATE 1:DELETE 2:PAGE_REUSE 3:PAGE_SPLIT 6:PAGE_DELETE"),
  },
  { name: "Sequence", types: types("0:LOG") },
  {
    name: "SPGist",
    types: types(
      "1:ADD_LEAF 2:MOVE_LEAFS 3:ADD_NODE 4:SPLIT_TUPLE 5:PICKSPLIT 6:VACUUM_LEAF 7:VACUUM_ROOT 8:VACUUM_REDIRECT",
    ),
  },
  {
    name: "BRIN",
    types: types(
      "0:CREATE_INDEX 1:INSERT 9:INSERT+INIT 2:UPDATE A:UPDATE+INIT 3:SAMEPAGE_UPDATE 4:REVMAP_EXTEND 5:DESUMMARIZE",
    ),
  },
  { name: "CommitTs", types: types("0:ZEROPAGE 1:TRUNCATE") },
  { name: "ReplicationOrigin", types: types("0:SET 1:DROP") },
  { name: "Generic", types: types("0:Generic") },
  { name: "LogicalMessage", types: types("0:MESSAGE") },
  { name: "XLOG2", types: types("0:CHECKSUMS") },
];

/** The names that differ in earlier versions, by rmgr. */
function earlier(version: WalVersion): ReadonlyMap<number, readonly (string | undefined)[]> {
  const changes = new Map<number, (string | undefined)[]>();
  const change = (rmgr: number, at: number, ...names: readonly (string | undefined)[]): void => {
    const own = [...(changes.get(rmgr) ?? LATEST[rmgr]!.types)];
    own.splice(at, names.length, ...names);
    changes.set(rmgr, own);
  };
  if (version < 19) {
    change(Rmgr.xlog, 0xc, undefined);
    change(Rmgr.xlog, 0xf, undefined);
    change(Rmgr.heap2, 4, "VISIBLE");
    change(Rmgr.gist, 7, "ASSIGN_LSN");
  }
  if (version < 17) {
    change(Rmgr.heap2, 1, "PRUNE", "VACUUM", "FREEZE_PAGE");
    change(Rmgr.xlog, 0xe, undefined);
  }
  if (version < 15) changes.set(Rmgr.database, types("0:CREATE 1:DROP"));
  return changes;
}

/** An rmgr and a type in one number: the rmgr's id times 16, and the opcode's digit. */
export type RecordTypeId = number;
export const RECORD_TYPES = 256 * 16;

/** The names in one version. */
export class RecordNames {
  /** All names of this version, for the message about an unknown one. */
  readonly rmgrs: readonly string[];
  readonly #rmgrs: string[] = [];
  readonly #types: string[] = [];
  readonly #ids = new Uint16Array(RECORD_TYPES);

  constructor(version: WalVersion) {
    const changes = earlier(version);
    this.rmgrs = LATEST.slice(0, version < 19 ? Rmgr.xlog2 : undefined).map(({ name }) => name);
    for (let rmgr = 0; rmgr < 256; rmgr++) {
      const known = rmgr < this.rmgrs.length ? LATEST[rmgr] : undefined;
      const names = changes.get(rmgr) ?? known?.types;
      this.#rmgrs.push(known?.name ?? unknownRmgr(rmgr, version));
      for (let digit = 0; digit < 16; digit++) {
        const own = digit & ~((known?.flags ?? 0) >> 4);
        this.#ids[rmgr * 16 + digit] = rmgr * 16 + own;
        this.#types.push(names?.[own] ?? `UNKNOWN (${(digit << 4).toString(16)})`);
      }
    }
  }

  /** The id for a record's rmgr and info. Flags in info that do not change the type are left out. */
  id(rmgr: number, info: number): RecordTypeId {
    return this.#ids[rmgr * 16 + (info >> 4)]!;
  }

  rmgr(id: RecordTypeId): string {
    return this.#rmgrs[id >> 4]!;
  }

  type(id: RecordTypeId): string {
    return this.#types[id]!;
  }

  get types(): readonly string[] {
    const names = this.#types.filter((name) => !name.startsWith("UNKNOWN"));
    return [...new Set(names)];
  }
}

function unknownRmgr(rmgr: number, version: WalVersion): string {
  const digits = String(rmgr).padStart(3, "0");
  return rmgr >= CUSTOM_MIN && version >= 15 ? `custom${digits}` : `UNKNOWN (${digits})`;
}

const NAMES = new Map<WalVersion, RecordNames>();

export function recordNames(version: WalVersion): RecordNames {
  let names = NAMES.get(version);
  if (names === undefined) NAMES.set(version, (names = new RecordNames(version)));
  return names;
}
