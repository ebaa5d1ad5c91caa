import { homedir } from "node:os";
import { join } from "node:path";
import { WalctlError } from "../../errors.ts";
import { escapeField, passfileHost, readPassfile } from "./passfile.ts";
import type { Place } from "./places.ts";
import { type ConnectionTarget, describeHost, shellQuote } from "./target.ts";

/** The target's own password, otherwise the one in the password file for this place. */
export async function passwordFor(target: ConnectionTarget, place: Place): Promise<string> {
  const { passfile, user, database } = target;
  const { host, port } = place;
  const { prompt } = target;
  const password =
    prompt?.given ??
    target.password ??
    (await readPassfile(passfile, { host, port, database, user }));
  if (password !== undefined && password !== "") return password;
  if (prompt !== undefined) prompt.wanted = true;
  const fields = [passfileHost(host), String(port), database, user].map(escapeField);
  const line = [...fields, "PASSWORD"].join(":").replaceAll("'", `'\\''`);
  const file = passfile === join(homedir(), ".pgpass") ? "~/.pgpass" : shellQuote(passfile);
  throw new WalctlError(
    `server at ${describeHost(target)} asks for a password, and none is given`,
    { hint: `Set PGPASSWORD, or: echo '${line}' >> ${file} && chmod 600 ${file}` },
  );
}
