import { textWidth } from "../../src/render/terminal/text-width.ts";
import { parseAnsi, type Run } from "./ansi.ts";

const CELL_WIDTH = 8.4;
const LINE_HEIGHT = 18;
const FONT_SIZE = 14;
const MARGIN = 16;
const TITLE_HEIGHT = 30;

/** xterm's first sixteen; the other colours are computed. */
const SIXTEEN = [
  "#000000",
  "#cd0000",
  "#00cd00",
  "#cdcd00",
  "#0000ee",
  "#cd00cd",
  "#00cdcd",
  "#e5e5e5",
];

/** A terminal's screen, as tmux captures it with its colours, as a picture that follows the reader's theme. */
export function renderSvg(screen: string, columns: number, title: string): string {
  const lines = parseAnsi(screen);
  const width = Math.round(columns * CELL_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + TITLE_HEIGHT + MARGIN;
  const texts = lines.map((runs, index) => lineOf(runs, TITLE_HEIGHT + (index + 1) * LINE_HEIGHT));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
  rect.back { fill: #ffffff; stroke: #d0d7de; }
  text { fill: #1f2328; font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }
  .b { font-weight: bold; }
  @media (prefers-color-scheme: dark) {
    rect.back { fill: #0d1117; stroke: #30363d; }
    text { fill: #e6edf3; }
  }
</style>
<rect class="back" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<circle cx="18" cy="16" r="5" fill="#ff5f57"/><circle cx="36" cy="16" r="5" fill="#febc2e"/><circle cx="54" cy="16" r="5" fill="#28c840"/>
<text x="${width / 2}" y="20" text-anchor="middle">${escapeXml(title)}</text>
${texts.filter((text) => text !== "").join("\n")}
</svg>
`;
}

/** Each run is placed and stretched by itself: the reader's font may be another one. */
function lineOf(runs: readonly Run[], y: number): string {
  let column = 0;
  let spans = "";
  for (const { text: padded, style } of runs) {
    const text = padded.trim();
    const start = column + padded.length - padded.trimStart().length;
    column += textWidth(padded);
    if (text === "") continue;
    const x = MARGIN + start * CELL_WIDTH;
    const width = textWidth(text);
    const color = style.color === undefined ? "" : ` style="fill:${colorOf(style.color)}"`;
    const bold = style.bold || style.inverse ? ' class="b"' : "";
    const length = `textLength="${round(width * CELL_WIDTH)}" lengthAdjust="spacingAndGlyphs"`;
    spans += `<tspan x="${round(x)}" ${length}${bold}${color}>${escapeXml(text)}</tspan>`;
  }
  return spans === "" ? "" : `<text y="${y}" xml:space="preserve">${spans}</text>`;
}

/** Of xterm's 256 colours. */
function colorOf(code: number): string {
  if (code < 16) return SIXTEEN[code % 8] ?? "#000000";
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  if (code >= 232) return `#${hex(8 + 10 * (code - 232)).repeat(3)}`;
  const level = (step: number): string => hex(step === 0 ? 0 : 55 + 40 * step);
  const cube = code - 16;
  return `#${level(Math.floor(cube / 36))}${level(Math.floor(cube / 6) % 6)}${level(cube % 6)}`;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
