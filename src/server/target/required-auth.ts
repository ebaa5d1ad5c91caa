import { usageError } from "../../errors.ts";
import { quoteGiven } from "./conninfo.ts";

/** libpq's names for what a server can ask for; `none`: it asks for nothing. */
const METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"] as const;
export type AuthMethod = (typeof METHODS)[number];

/** The methods that walctl does not support. */
const OUT_OF_REACH: ReadonlySet<AuthMethod> = new Set(["gss", "sspi", "oauth"]);

export interface RequiredAuth {
  /** The value as given. Undefined if every method is allowed. */
  readonly text: string | undefined;
  readonly allowed: ReadonlySet<AuthMethod>;
}

/**
 * `scram-sha-256,none`, or `!password,!md5` (manual: require_auth). A typo here is dangerous, so every one is an error.
 */
export function parseRequiredAuth(text: string | undefined): RequiredAuth {
  if (text === undefined || text === "") return { text: undefined, allowed: new Set(METHODS) };
  const words = text.split(",");
  const negated = words[0]?.startsWith("!") === true;
  const named = new Set<AuthMethod>();
  for (const word of words) {
    const method = METHODS.find((candidate) => candidate === word.replace(/^!/, ""));
    if (method === undefined)
      throw usageError(
        `invalid require_auth value: ${quoteGiven(word)}`,
        `It is one of ${METHODS.join(", ")}.`,
      );
    if (word.startsWith("!") !== negated)
      throw usageError(`require_auth mixes methods with and without "!": ${quoteGiven(text)}`);
    if (named.has(method))
      throw usageError(`require_auth method "${word}" is specified more than once`);
    named.add(method);
  }
  const allowed = negated ? new Set(METHODS.filter((method) => !named.has(method))) : named;
  if (METHODS.every((method) => OUT_OF_REACH.has(method) || !allowed.has(method)))
    throw usageError(
      `require_auth "${text}" cannot be met: walctl authenticates by password and SCRAM, and has no GSSAPI, SSPI or OAuth`,
    );
  return { text, allowed };
}
