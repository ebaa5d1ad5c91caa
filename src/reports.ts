/** What commands report line by line. The keys and their order are the contract's. */

/** One check of doctor. */
export interface Check {
  readonly check: string;
  readonly status: "ok" | "warning" | "fail";
  readonly message: string;
  /** A command to paste; null: nothing needs fixing, or no single command fixes it. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Check {
  return { check, status: "ok", message, fix: null };
}

/** It works, but there is a trap. */
export function warning(check: string, message: string, fix: string | null): Check {
  return { check, status: "warning", message, fix };
}

/** Something that logical replication needs does not work, or it does harm to others. */
export function fail(check: string, message: string, fix: string | null): Check {
  return { check, status: "fail", message, fix };
}
