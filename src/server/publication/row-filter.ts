/**
 * Tokens of SQL as the server's lexer cuts them (manual: Lexical Structure), with
 * standard_conforming_strings on, which connect.ts sees to. Each alternative is anchored by /y.
 */
const TOKEN = new RegExp(
  [
    // E'…' knows backslashes, and goes on knowing them when it is continued on the next line; a plain
    // string there would be read otherwise than the server does, so a continued one fits no alternative.
    /[eE]'(?:[^'\\]|\\.|'')*'(?!\s*(?:--[^\n\r]*[\n\r]\s*)*')/,
    // b, n, u& and x before the quote make no difference to where the string ends.
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    // What follows an identifier's letter is part of it: a$b$c quotes nothing.
    /[A-Za-z_\u0080-\uffff](?<![eE](?='))[\w$\u0080-\uffff]*/,
    /\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$.*?\$\1\$/,
    // A comment at the very end would swallow the parenthesis that closes the clause.
    /--[^\n\r]*[\n\r]/,
    /[^'"$;/\-A-Za-z_\u0080-\uffff]/,
    /\/(?!\*)/,
    /-(?!-)/,
    /\$(?=\d)/,
  ]
    .map((alternative) => alternative.source)
    .join("|"),
  "sy",
);

/**
 * Why `expression` cannot stand between the parentheses of a WHERE clause; undefined: it can, and
 * whatever it says, it cannot get out of them or hold a second statement.
 */
export function findRowFilterFault(expression: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < expression.length;) {
    const end = tokenEnd(expression, at);
    if (end === undefined) {
      return expression[at] === ";"
        ? "a semicolon cannot be part of it"
        : "a quote or comment in it is not closed";
    }
    const token = expression.slice(at, end);
    if (token === "(") depth++;
    if (token === ")" && --depth < 0) return "it closes a parenthesis that it has not opened";
    at = end;
  }
  return depth === 0 ? undefined : "a parenthesis in it is not closed";
}

/** `(a > 1)` → `a > 1`; `(a) OR (b)` stays as it is. Only for what has no fault. */
export function withoutOuterParentheses(expression: string): string {
  const text = expression.trim();
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  // Its end stays as it is: it may be the line break that ends a comment.
  const inner = text.slice(1, -1).trimStart();
  return inner !== "" && findRowFilterFault(inner) === undefined ? inner : text;
}

function tokenEnd(text: string, at: number): number | undefined {
  if (text.startsWith("/*", at)) return blockCommentEnd(text, at);
  TOKEN.lastIndex = at;
  return TOKEN.test(text) ? TOKEN.lastIndex : undefined;
}

/** Comments of this kind nest. */
function blockCommentEnd(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length;) {
    if (text.startsWith("/*", at)) depth++;
    else if (text.startsWith("*/", at)) depth--;
    else {
      at++;
      continue;
    }
    at += 2;
    if (depth === 0) return at;
  }
  return undefined;
}
