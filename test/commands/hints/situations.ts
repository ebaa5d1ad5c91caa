/** What the test of hints runs: commands that print a hint or a `fix`, each in its situation. */

export interface Situation {
  readonly name: string;
  /** As a superuser, before. */
  readonly given?: string;
  readonly args: readonly string[];
  /** How many commands are found in what it prints. */
  readonly commands: number;
  /** All tables were asked for: that is not walctl's idea. */
  readonly all?: true;
  /** Words that must be there. */
  readonly says?: RegExp;
  /** What one of them must print when it is pasted. */
  readonly gives?: RegExp;
  /** Another program has slot app meanwhile. */
  readonly held?: boolean;
}

const LATE = "CREATE PUBLICATION late FOR TABLE items";
const NAMES_WRITES = /would make the server reject UPDATE and DELETE of .*from every program/;
const FULL = /"status":"(created|altered)"/;

export const situations = (version: number): readonly Situation[] => [
  // Four slots hold much, and one of them has a reader.
  { name: "doctor, of all", args: ["doctor"], commands: 2, gives: /"kind":"wal_finding"/ },
  {
    name: "doctor, with a publication made later that the slot has nothing to do with",
    given: LATE,
    args: ["doctor"],
    commands: 2,
    gives: / pid .*\| +query/,
  },
  {
    name: "doctor, with a publication made later that the slot is to be read for",
    given: LATE,
    args: ["doctor", "-S", "app", "-P", "late"],
    commands: 2,
    gives: /"slot":"app_2","status":"created"/,
    says: /stays in the slot/,
  },
  {
    name: "doctor, of a publication that is missing",
    args: ["doctor", "-P", "missing"],
    commands: 3,
    gives: FULL,
  },
  {
    name: "doctor, of a slot that is missing",
    args: ["doctor", "-S", "missing"],
    commands: 1,
    gives: /"status":"created"/,
  },
  {
    name: "doctor, of a publication without tables",
    given: "CREATE PUBLICATION empty",
    args: ["doctor", "-P", "empty"],
    // Added tables would stop a subscription that reads it.
    commands: 2,
    says: /To add tables \(your tables .*\): walctl setup-publication empty /,
  },
  {
    name: "doctor, of a table whose updates are rejected",
    given: "CREATE PUBLICATION harm FOR TABLE keyless",
    args: ["doctor", "-P", "harm"],
    commands: 3,
    gives: /ALTER TABLE/,
  },
  {
    name: "doctor, of a role without rights",
    args: ["doctor", "-U", "plain"],
    commands: 5,
    says: /role_replication/,
  },
  { name: "slots", args: ["slots"], commands: 5, says: /what it retains is lost/ },
  {
    name: "tail, of a publication that is missing",
    args: ["tail", "-P", "missing"],
    commands: 1,
    gives: FULL,
  },
  {
    name: "tail, of a publication that is missing, with a slot that is older",
    args: ["tail", "-P", "missing", "-S", "app"],
    commands: 2,
    gives: /"status":"created"/,
    says: /cannot decode what it holds for a publication that is created now, and keeps it/,
  },
  {
    name: "tail, of a publication made later",
    given: LATE,
    args: ["tail", "-P", "late", "-S", "app", "-E", "now"],
    // PostgreSQL 18 passes over it with a warning.
    ...(version >= 18
      ? { commands: 0, says: /skipped loading publication "late"/ }
      : { commands: 1, says: /stays there/, gives: /"slot":"app_2","status":"created"/ }),
  },
  { name: "tail, of several publications, none named", given: LATE, args: ["tail"], commands: 0 },
  {
    name: "tail, of a slot that is missing",
    args: ["tail", "-P", "app_pub", "-S", "missing"],
    commands: 1,
    gives: /"slot":"missing","status":"created"/,
  },
  {
    name: "tail, of another plugin's slot",
    args: ["tail", "-P", "app_pub", "-S", "test"],
    commands: 1,
    gives: /"slot":"test_2","status":"created"/,
  },
  {
    name: "tail, of a physical slot",
    args: ["tail", "-P", "app_pub", "-S", "standby"],
    commands: 1,
    gives: /"slot":"standby_2","status":"created"/,
  },
  {
    name: "tail, of a slot in use",
    args: ["tail", "-P", "app_pub", "-S", "app"],
    commands: 0,
    held: true,
    says: /--wait waits until it is free/,
  },
  {
    name: "tail --bootstrap, of a table without a key",
    args: ["tail", "--bootstrap", "-P", "new", "-t", "keyless"],
    commands: 1,
    gives: FULL,
    says: NAMES_WRITES,
  },
  {
    name: "tail --bootstrap, of a publication that differs",
    args: ["tail", "--bootstrap", "-P", "app_pub", "-t", "items"],
    commands: 1,
    gives: /"publication":"app_pub_2","status":"created"/,
    says: /no longer gets/,
  },
  {
    name: "setup-publication, of a table without a key",
    args: ["setup-publication", "new", "-t", "keyless"],
    commands: 1,
    gives: FULL,
    says: NAMES_WRITES,
  },
  {
    name: "setup-publication, of all tables",
    args: ["setup-publication", "new", "--all-tables"],
    commands: 1,
    all: true,
    gives: FULL,
    says: /Tables that are made later need a replica identity too/,
  },
  {
    name: "setup-publication, of a partitioned table with a partition without a key",
    args: ["setup-publication", "new", "-t", "parted"],
    commands: 1,
    gives: FULL,
    says: /table "public"\."leaf" has no replica identity/,
  },
  {
    name: "setup-publication, of a table with an heir without a key",
    args: ["setup-publication", "new", "-t", "parent"],
    commands: 1,
    gives: FULL,
    says: /table "public"\."heir" has no replica identity/,
  },
  {
    name: "setup-publication --sync, which adds a table without a key",
    args: ["setup-publication", "app_pub", "-t", "orders", "-t", "keyless", "--sync"],
    commands: 1,
    gives: /"status":"altered"/,
    says: NAMES_WRITES,
  },
  {
    name: "setup-publication, which differs by taking a table away",
    args: ["setup-publication", "app_pub", "-t", "items"],
    commands: 1,
    gives: /"publication":"app_pub_2"/,
    says: /no longer gets what that takes away/,
  },
  {
    name: "setup-publication, which differs by publishing less",
    args: ["setup-publication", "app_pub", "-t", "orders", "--publish", "insert"],
    commands: 1,
    gives: /"publication":"app_pub_2"/,
    says: /no longer gets/,
  },
  {
    name: "setup-publication, which differs by adding a table",
    args: ["setup-publication", "app_pub", "-t", "orders", "-t", "items"],
    commands: 1,
    gives: /"status":"altered"/,
  },
  {
    name: "setup-publication, by a role that may not",
    args: ["setup-publication", "new", "-t", "orders", "-U", "plain"],
    commands: 1,
    // By the owner of the table: a right to create alone would not help.
    gives: /"status":"created"/,
  },
  {
    name: "setup-publication, of a table that is missing",
    args: ["setup-publication", "new", "-t", "gone"],
    commands: 1,
  },
  {
    name: "create-slot, of a physical slot's name",
    args: ["create-slot", "standby"],
    commands: 1,
    gives: /"slot":"standby_2"/,
  },
  {
    name: "create-slot, of a name that is in another database",
    args: ["create-slot", "app", "-d", "other"],
    commands: 1,
    gives: /"slot":"app_2"/,
    says: /From there it can be read: walctl tail -S .* -d postgres/,
  },
  {
    name: "create-slot, by a role that may not",
    args: ["create-slot", "new", "-U", "plain"],
    commands: 1,
    gives: /ALTER ROLE/,
  },
  {
    name: "drop-slot, of a slot in use",
    args: ["drop-slot", "temporary"],
    commands: 0,
    says: /It is temporary/,
  },
  {
    name: "drop-slot, of a slot that another program reads",
    args: ["drop-slot", "app"],
    commands: 0,
    held: true,
    says: /Stop that program first/,
  },
  { name: "drop-slot, of a slot that is missing", args: ["drop-slot", "missing"], commands: 0 },
  {
    name: "advance-slot, of a physical slot",
    args: ["advance-slot", "standby", "0/1"],
    commands: 0,
  },
  {
    name: "advance-slot, of a slot from which nothing was sent",
    args: ["advance-slot", "fresh", "LSN"],
    commands: 0,
    says: /skips it for good/,
  },
  {
    name: "advance-slot, from another database",
    args: ["advance-slot", "app", "LSN", "-d", "other"],
    commands: 0,
    says: /-d postgres/,
  },
];
