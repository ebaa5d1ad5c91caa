/** The main fork of a relation: a relfilenode is unique only within tablespace and database. */
export interface Locator {
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
}
