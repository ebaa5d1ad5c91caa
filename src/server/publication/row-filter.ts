/**
 * Tokens of SQL as the server's lexer finds them (manual: Lexical Structure), with standard_conforming_strings on,
 * which session-settings.ts sets. Each alternative is anchored by /y.
 */
const TOKEN = new RegExp(
  [
    // E'…' interprets backslashes, also when it continues on the next line. There, a plain string would be read
    // differently than the server reads it, so a continued E'…' matches no alternative.
    /[eE]'(?:[^'\\]|\\.|'')*'(?!\s*(?:--[^\n\r]*[\n\r]\s*)*')/,
    // b, n, u& and x before the quote do not change where the string ends.
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    // A dollar sign inside an identifier belongs to it: a$b$c quotes nothing.
    /[A-Za-z_\u0080-\uffff](?<![eE](?='))[\w$\u0080-\uffff]*/,
    /\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$.*?\$\1\$/,
    // A comment at the very end would include the parenthesis that closes the clause.
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
 * Why `expression` cannot be put between the parentheses of a WHERE clause. Undefined if it can: it neither leaves them
 * nor contains a second statement.
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

/** `(a > 1)` → `a > 1`; `(a) OR (b)` is unchanged. Only for an expression without a fault. */
export function withoutOuterParentheses(expression: string): string {
  const text = expression.trim();
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  // The end is not trimmed: it may be the line break that ends a comment.
  const inner = text.slice(1, -1).trimStart();
  return inner !== "" && findRowFilterFault(inner) === undefined ? inner : text;
}

function tokenEnd(text: string, at: number): number | undefined {
  if (text.startsWith("/*", at)) return blockCommentEnd(text, at);
  TOKEN.lastIndex = at;
  return TOKEN.test(text) ? TOKEN.lastIndex : undefined;
}

/** Block comments nest. */
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
