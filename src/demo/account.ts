import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";
import { WalctlError } from "../errors.ts";

/** The user that the server runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const UNPRIVILEGED = ["postgres", "_postgres", "nobody"];

/** PostgreSQL refuses to run as root, so root runs it as another user. Undefined: as the current user. */
export function serverAccount(): Account | undefined {
  if (!isRoot()) return undefined;
  for (const name of UNPRIVILEGED) {
    const uid = idOf("-u", name);
    const gid = idOf("-g", name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new WalctlError(
    "PostgreSQL does not run as root, and there is no other user to run it as",
    {
      hint: "useradd --system postgres",
    },
  );
}

function isRoot(): boolean {
  try {
    return userInfo().uid === 0;
  } catch {
    // The user has no name, as in some containers; root has one.
    return false;
  }
}

function idOf(option: "-u" | "-g", name: string): number | undefined {
  try {
    const id = Number(
      execFileSync("id", [option, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    );
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined;
  }
}
