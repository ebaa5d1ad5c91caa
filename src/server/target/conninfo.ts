import { type WalctlError, usageError } from "../../errors.ts";
import { findKeyword, nearestKeyword } from "./keywords.ts";

/** Parameter names and values with libpq's names (manual: Connection Strings). */
export type ConnectionParameters = Map<string, string>;

const URI_PREFIX = /^postgres(?:ql)?:\/\//;
const URI_HINT = "The form is postgresql://user@host:port/dbname?sslmode=require.";
const ENCODE_HINT =
  "In a user name or password write %40 for @, %2F for /, %3A for : and %25 for %.";
const STRING_HINT =
  "The form is host=localhost port=5432 dbname=postgres; quote values with spaces: 'a b'.";

/** A URI whose scheme is mistyped or another program's, or that has no scheme: `user:password@host`. */
const LIKE_URI = /^[^=]*\/\/|^\W*(?:jdbc:|postgres\w*(?:\+\w+)?:)|^[^=]*:[^=]*@/i;
/** Pairs without a space between them: the first pair's value contains the others. */
const LIKE_PAIRS = /[\s;,&?](?:ssl)?(?:password|passwd|pwd)\s*=/i;
/** Keywords whose values appear in messages, also in the server's and in its log. */
const NAMES: ReadonlySet<string> = new Set(["dbname", "user", "service"]);

export function isUri(text: string): boolean {
  return URI_PREFIX.test(text);
}

/** @throws WalctlError if a value is a whole connection string, which may contain a password */
export function refuseMisplaced(keyword: string, value: string): void {
  if (NAMES.has(keyword) && LIKE_URI.test(value))
    throw usageError(`the value of ${keyword} is a connection URI`, `Give it with -d. ${URI_HINT}`);
  if (LIKE_PAIRS.test(value))
    throw usageError(`the value of ${keyword} has other keywords in it`, STRING_HINT);
}

/** Quotes the text for a message, unless it may contain more than the user meant to show. */
export function quoteGiven(text: string): string {
  return /^[ \w.,+!-]{0,40}$/.test(text) ? `"${text}"` : "the text given";
}

/**
 * Parses the argument of `-d`: a URI, a `key=value ...` string, otherwise the name of a database. No message shows a
 * part of the string that may belong to a password, not even if the string is malformed.
 */
export function parseConninfo(text: string): ConnectionParameters {
  if (isUri(text)) return parseUri(text.replace(URI_PREFIX, ""));
  if (LIKE_URI.test(text))
    throw usageError(
      "the connection URI does not begin with postgresql:// or postgres://",
      URI_HINT,
    );
  if (text.includes("=")) return parseKeywords(text);
  return new Map([["dbname", text]]);
}

/** @throws WalctlError that names the word, and the keyword that was probably meant */
export function unknownKeyword(word: string, where = ""): WalctlError {
  if (!/^\w+$/.test(word))
    return usageError(`the connection string is malformed${where}`, STRING_HINT);
  const near = nearestKeyword(word);
  return usageError(
    `invalid connection option "${word}"${where}`,
    near === undefined ? "walctl takes the keywords of libpq." : `Did you mean ${near}?`,
  );
}

/** `[user[:password]@][host[:port][,...]][/dbname][?key=value&...]`, each part percent-encoded. */
function parseUri(text: string): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  // As in libpq, an @ before the first slash ends user and password, whatever else they contain.
  const [, user, password, rest = ""] = /^(?:([^:@/]*)(?::([^@/]*))?@)?(.*)$/s.exec(text) ?? [];
  const [, hosts = "", dbname, query] =
    /^((?:\[[^\]]*\]|[^/?[\]])*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? fail();
  // libpq takes a further @ as part of the host or the name. If it belongs to the password, messages would show it.
  if (/@/.test(hosts + (dbname ?? "")))
    throw usageError('the connection URI has an "@" too many', ENCODE_HINT);
  const places = hosts.split(/,(?![^[]*\])/).map(parsePlace);
  setEncoded(parameters, "user", user);
  setEncoded(parameters, "password", password);
  setEncoded(parameters, "host", places.map(({ host }) => host).join(","));
  const ports = places.map(({ port }) => port).join(",");
  if (ports !== "") parameters.set("port", ports);
  setEncoded(parameters, "dbname", dbname);
  if (query !== undefined) parseQuery(parameters, query);
  return parameters;
}

function fail(): never {
  throw usageError("the connection URI is malformed", URI_HINT);
}

function parsePlace(text: string): { readonly host: string; readonly port: string } {
  const [, ipv6, host = "", port = ""] =
    /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(text) ?? fail();
  // In a URI without an @ this may be a password.
  if (!/^\d*$/.test(port) || (port !== "" && !isPort(Number(port))))
    throw usageError("a port in the connection URI is not a number from 1 to 65535", URI_HINT);
  return { host: ipv6 ?? host, port };
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function parseQuery(parameters: ConnectionParameters, query: string): void {
  let mayBeSecret = query.includes("@");
  for (const pair of query.replace(/&$/, "").split("&")) {
    if (query === "") return;
    const [key, value, ...more] = pair.split("=");
    if (key === undefined || value === undefined || more.length > 0)
      throw usageError("the connection URI's query is malformed", URI_HINT);
    const keyword = decode(key, "query");
    // JDBC's spelling.
    if (keyword === "ssl" && value === "true") parameters.set("sslmode", "require");
    else if (mayBeSecret && findKeyword(keyword) === undefined)
      // The question mark or the ampersand may have been part of a password.
      throw usageError("the connection URI's query has a keyword that is not known", ENCODE_HINT);
    else store(parameters, keyword, decode(value, keyword));
    mayBeSecret ||= findKeyword(keyword)?.secret === true;
  }
}

function setEncoded(parameters: ConnectionParameters, key: string, text: string | undefined): void {
  if (text !== undefined && text !== "") parameters.set(key, decode(text, key));
}

/** Spaces around the text are ignored; spaces inside are an error. */
function decode(encoded: string, key: string): string {
  const text = encoded.replace(/^ +| +$/g, "");
  try {
    const decoded = text.includes(" ") ? "\0" : decodeURIComponent(text);
    if (!decoded.includes("\0")) return decoded;
  } catch {
    // The value stays out of the message: it may be a password.
  }
  const what = findKeyword(key) === undefined ? "query" : key;
  throw usageError(`the connection URI's ${what} is not percent-encoded text`, ENCODE_HINT);
}

/** Parses `key = value` pairs; values with spaces are quoted with ', and \ escapes. */
function parseKeywords(text: string): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  const pair = /\s*([^\s=]*)\s*=\s*(?!\s)(?:'((?:[^'\\]|\\.)*)'|(?!')((?:[^\s\\]|\\.|\\$)*))\s*/gsy;
  let end = 0;
  let mayBeSecret = false;
  while (text.slice(end).trim() !== "") {
    pair.lastIndex = end;
    const [all, keyword = "", quoted, plain = ""] = pair.exec(text) ?? [];
    if (all === undefined) throw usageError("the connection string is malformed", STRING_HINT);
    end = pair.lastIndex;
    // Text behind an unquoted password may be the rest of a password that contains a space.
    if (mayBeSecret && findKeyword(keyword) === undefined)
      throw usageError("the connection string is malformed after its password", STRING_HINT);
    store(parameters, keyword, (quoted ?? plain).replace(/\\(.|$)/gs, "$1"));
    mayBeSecret = quoted === undefined && (mayBeSecret || findKeyword(keyword)?.secret === true);
  }
  return parameters;
}

function store(parameters: ConnectionParameters, keyword: string, value: string): void {
  // libpq's old name for it.
  if (keyword === "requiressl")
    parameters.set("sslmode", value.startsWith("1") ? "require" : "prefer");
  else if (findKeyword(keyword) === undefined) throw unknownKeyword(keyword);
  else parameters.set(keyword, value);
}
