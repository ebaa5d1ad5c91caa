/** What people type for it: the nearest spelling would be another thing. Loaded only for a hint. */

/** By the word that is no command. */
export const LIKELY_COMMANDS: Readonly<Record<string, string>> = {
  ...{
    stream: "tail",
    follow: "tail",
    listen: "tail",
    watch: "tail",
    subscribe: "tail",
    cdc: "tail",
  },
  ...{ decode: "decode-file", read: "decode-file", cat: "decode-file", replay: "decode-file" },
  ...{
    undo: "decode-file -F sql --undo",
    history: "decode-file --row",
    summary: "decode-file --summary",
  },
  ...{
    waldump: "inspect",
    pg_waldump: "inspect",
    wal: "inspect",
    records: "inspect",
    stats: "inspect --stats",
  },
  ...{ ls: "slots", list: "slots", slot: "slots", lag: "slots", status: "doctor", check: "doctor" },
  ...{ health: "doctor", diagnose: "doctor", pub: "publications", pubs: "publications" },
  ...{ publication: "publications", "create-publication": "setup-publication" },
  ...{ "add-publication": "setup-publication", publish: "setup-publication" },
  ...{ "add-slot": "create-slot", "setup-slot": "create-slot", "new-slot": "create-slot" },
  ...{ "delete-slot": "drop-slot", "remove-slot": "drop-slot", "rm-slot": "drop-slot" },
  ...{ "delete-publication": "drop-publication", "remove-publication": "drop-publication" },
  ...{
    advance: "advance-slot",
    "skip-slot": "advance-slot",
    export: "catalog",
    version: "--version",
  },
};

/** By the word that is no option, without its dashes: each command takes the first one that it has. */
export const LIKELY_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  ...{
    database: ["--dbname"],
    db: ["--dbname"],
    user: ["--username"],
    server: ["--host"],
  },
  ...{ pub: ["--publication"], name: ["--slot"], "slot-name": ["--slot"] },
  ...{
    tables: ["--only-table", "--table"],
    table: ["--only-table"],
    t: ["--only-table"],
  },
  ...{ "include-table": ["--only-table"], filter: ["--where"], grep: ["--where"] },
  ...{ kind: ["--only"], kinds: ["--only"], operation: ["--only"], op: ["--only"] },
  ...{
    type: ["--only"],
    key: ["--row"],
    id: ["--row"],
    pk: ["--row"],
    tx: ["--xid"],
  },
  ...{
    transaction: ["--xid"],
    txid: ["--xid"],
    from: ["--since"],
    after: ["--since"],
  },
  ...{ start: ["--startpos", "--since"], to: ["--until"], before: ["--until"] },
  ...{ end: ["--endpos", "--until"], stop: ["--endpos"], lsn: ["--startpos"] },
  ...{
    count: ["--limit"],
    max: ["--limit"],
    lines: ["--limit"],
    head: ["--limit"],
  },
  ...{
    file: ["--output"],
    out: ["--output"],
    save: ["--capture"],
    record: ["--capture"],
  },
  ...{
    confirm: ["--ack"],
    commit: ["--ack"],
    consume: ["--ack"],
    create: ["--bootstrap"],
  },
  ...{
    revert: ["--undo"],
    rollback: ["--undo"],
    inverse: ["--undo"],
    pretty: ["--format"],
  },
  ...{
    "output-format": ["--format"],
    statistics: ["--stats", "--summary"],
    stats: ["--summary"],
  },
  ...{
    interval: ["--status-interval", "--watch"],
    silent: ["--quiet"],
    wrap: ["--width"],
  },
  ...{
    vertical: ["--expanded"],
    timezone: ["--time"],
    tz: ["--time"],
    "ignore-errors": ["--keep-going"],
  },
  ...{
    force: ["--keep-going"],
    continue: ["--keep-going"],
    rows: ["--collapse", "--limit"],
  },
};
