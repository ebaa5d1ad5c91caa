import { usageError } from "../errors.ts";

/** Parameter names and values as libpq knows them (manual: Connection Strings). */
export type ConnectionParameters = Map<string, string>;

/** What `-d` takes: a URI, a `key=value ...` string, or else the name of a database. */
export function parseConninfo(text: string): ConnectionParameters {
  if (/^postgres(ql)?:\/\//.test(text)) return parseUri(text);
  if (text.includes("=")) return parseKeywords(text);
  return new Map([["dbname", text]]);
}

function parseUri(text: string): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  // Not the URL class: libpq allows several hosts and percent-encoded socket directories.
  const match =
    /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(
      text,
    );
  if (match === null) throw usageError("the connection URI is malformed", URI_HINT);
  const [, user, password, authority = "", dbname, query] = match;
  const host = /^(\[[^\]]*\]|[^:,]*)(?::(\d*))?$/.exec(authority);
  if (host === null)
    throw usageError("the connection URI must name one host and one port", URI_HINT);
  set(parameters, "user", user);
  set(parameters, "password", password);
  set(parameters, "host", host[1]?.replace(/^\[|\]$/g, ""));
  set(parameters, "port", host[2]);
  set(parameters, "dbname", dbname);
  for (const pair of query === undefined ? [] : query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw usageError("the connection URI's query is malformed", URI_HINT);
    set(parameters, pair.slice(0, equals), pair.slice(equals + 1));
  }
  return parameters;
}

const URI_HINT = "The form is postgresql://user@host:port/dbname?sslmode=require.";

function set(parameters: ConnectionParameters, key: string, encoded: string | undefined): void {
  if (encoded === undefined || encoded === "") return;
  try {
    parameters.set(key, decodeURIComponent(encoded));
  } catch {
    // The value stays out of the message: it may be the password.
    throw usageError(`the connection URI's ${key} is not percent-encoded text`, URI_HINT);
  }
}

/** `key = value` pairs; values with spaces are quoted with ', and \ escapes. */
function parseKeywords(text: string): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  const pair = /\s*([A-Za-z_]\w*)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;
  let end = 0;
  while (text.slice(end).trim() !== "") {
    pair.lastIndex = end;
    const match = pair.exec(text);
    if (match === null) {
      throw usageError(
        "the connection string is malformed",
        "The form is host=localhost port=5432 dbname=postgres; quote values with spaces: 'a b'.",
      );
    }
    end = pair.lastIndex;
    const value = match[2] ?? match[3] ?? "";
    parameters.set(match[1] ?? "", value.replace(/\\(.)/gs, "$1"));
  }
  return parameters;
}
