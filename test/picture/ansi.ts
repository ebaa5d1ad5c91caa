/** What `tmux capture-pane -e` prints: lines with SGR sequences (ECMA-48 8.3.117) and nothing else. */

export interface Style {
  readonly bold: boolean;
  readonly inverse: boolean;
  /** One of the 256 colours. Undefined: the terminal's own. */
  readonly color: number | undefined;
}

export interface Run {
  readonly text: string;
  readonly style: Style;
}

const PLAIN: Style = { bold: false, inverse: false, color: undefined };
// eslint-disable-next-line no-control-regex
const SGR = /\u001b\[([\d;]*)m|\u000e|\u000f/g;

/** Lines of runs of one style each. */
export function parseAnsi(screen: string): readonly (readonly Run[])[] {
  let style = PLAIN;
  return screen.split("\n").map((line) => {
    const runs: Run[] = [];
    let at = 0;
    const add = (end: number): void => {
      if (end > at) runs.push({ text: line.slice(at, end), style });
    };
    for (const match of line.matchAll(SGR)) {
      add(match.index);
      at = match.index + match[0].length;
      style = applied(style, (match[1] ?? "").split(";").map(Number));
    }
    add(line.length);
    return runs;
  });
}

function applied(before: Style, parameters: readonly number[]): Style {
  let style = before;
  for (let at = 0; at < parameters.length; at++) {
    const code = parameters[at] ?? 0;
    if (code === 0) style = PLAIN;
    else if (code === 1) style = { ...style, bold: true };
    else if (code === 22) style = { ...style, bold: false };
    else if (code === 7) style = { ...style, inverse: true };
    else if (code === 27) style = { ...style, inverse: false };
    else if (code === 39) style = { ...style, color: undefined };
    else if (code >= 30 && code <= 37) style = { ...style, color: code - 30 };
    else if (code === 38 && parameters[at + 1] === 5) {
      style = { ...style, color: parameters[at + 2] };
      at += 2;
    }
  }
  return style;
}
