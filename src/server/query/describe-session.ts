/** Of pg_stat_activity; pid is that of the server's process, not of its client. Null: the role may not see it. */
export interface Session {
  readonly pid: number;
  readonly application: string | null;
  readonly role: string | null;
}

/** `server process 7 (application "a", user "u", …)`: as much as the role may see. */
export function describeSession(
  { pid, application, role }: Session,
  more: ReadonlyArray<string | null>,
): string {
  const known = [
    (application ?? "") === "" ? null : `application "${application}"`,
    role === null ? null : `user "${role}"`,
    ...more,
  ].filter((part) => part !== null);
  return `server process ${pid}${known.length === 0 ? "" : ` (${known.join(", ")})`}`;
}
