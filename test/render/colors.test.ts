/** What may be painted, and that every colour of it can be read, whatever stands behind it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { COLORS, createPalette } from "../../src/render/terminal/painted.ts";
import { walctl } from "../support/program/cli.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CAPTURE = `${ROOT}fixtures/captures/pg18-misc-p1.recvlogical`;

const BACKGROUNDS: Readonly<Record<string, number>> = {
  "white (xterm, VS Code Light, macOS Terminal)": 0xff_ff_ff,
  "black (xterm, macOS Terminal Pro)": 0x00_00_00,
  "VS Code Dark": 0x1e_1e_1e,
  "Solarized Light": 0xfd_f6_e3,
  "Solarized Dark": 0x00_2b_36,
  "One Dark": 0x28_2c_34,
  Dracula: 0x28_2a_36,
};

/** Bold, inverse, and what ends them and a colour. */
const STYLES: ReadonlySet<string> = new Set(["1", "22", "7", "27", "39"]);

/** One of the 256 colours as RGB: of the 6×6×6 cube, or a grey. */
function rgbOf(code: number): number {
  const grey = 8 + 10 * (code - 232);
  if (code >= 232) return grey * 0x01_01_01;
  const level = (step: number): number => (step === 0 ? 0 : 55 + 40 * step);
  const cube = code - 16;
  return (
    level(Math.floor(cube / 36)) * 0x1_00_00 +
    level(Math.floor(cube / 6) % 6) * 0x1_00 +
    level(cube % 6)
  );
}

/** WCAG's relative luminance. */
function luminance(rgb: number): number {
  const [r = 0, g = 0, b = 0] = [16, 8, 0].map((shift) => {
    const part = ((rgb >> shift) & 0xff) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: number, b: number): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** What is not allowed of the SGR sequences in a text. */
function strangers(text: string): readonly string[] {
  // eslint-disable-next-line no-control-regex
  const sequences = Array.from(text.matchAll(/\u001b\[([^a-zA-Z]*)([a-zA-Z])/g));
  const allowed = new Set([...STYLES, ...COLORS.map((code) => `38;5;${code}`)]);
  return sequences
    .filter(([, parameters = "", end]) => end !== "m" || !allowed.has(parameters))
    .map(([sequence]) => JSON.stringify(sequence));
}

describe("colours", () => {
  for (const [name, background] of Object.entries(BACKGROUNDS)) {
    it(`can be read on ${name}`, () => {
      for (const code of COLORS) {
        const ratio = contrast(rgbOf(code), background);
        assert.ok(ratio >= 3.2, `${code}: ${ratio.toFixed(2)} to 1`);
      }
    });
  }

  it("are those of the palette, and only it paints", () => {
    for (const [name, paint] of Object.entries(createPalette({ color: true }))) {
      if (typeof paint !== "function") continue;
      assert.notEqual(paint("text"), "text", name);
      assert.deepEqual(strangers(paint("text")), [], name);
    }
    const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" });
    const painters = sources.filter(
      (path) =>
        path.endsWith(".ts") &&
        /from "chalk"|\\(x1b|u001b|033)\[[\d;]*m/.test(readFileSync(`${ROOT}src/${path}`, "utf8")),
    );
    assert.deepEqual(painters, ["render/terminal/painted.ts"]);
  });

  for (const [env, args, colored] of [
    [{ FORCE_COLOR: "1" }, [], true],
    [{ FORCE_COLOR: "0" }, [], false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, [], false],
    [{ FORCE_COLOR: "1" }, ["--no-color"], false],
    [{ FORCE_COLOR: "1" }, ["--color", "never"], false],
    [{ NO_COLOR: "1" }, ["--color", "always"], true],
    [{}, ["--color", "auto"], false],
    [{}, [], false],
  ] as const) {
    const what = [...Object.entries(env).map((pair) => pair.join("=")), ...args].join(" ");
    it(`${colored ? "reach" : "do not reach"} a pipe with ${what || "nothing asked"}`, async () => {
      const command = ["decode-file", CAPTURE, "-F", "table", ...args];
      const { stdout } = await walctl(command, { env });
      assert.equal(stdout.includes("\u001b"), colored);
      assert.deepEqual(strangers(stdout), []);
    });
  }

  it("say nothing that does not stand there without them", async () => {
    const command = ["decode-file", CAPTURE, "-F", "table"];
    const { stdout } = await walctl(command, { env: { FORCE_COLOR: "1" } });
    // oxlint-disable-next-line no-control-regex -- what it looks for
    const signs = [...stdout.matchAll(/\u001b\[1m\u001b\[38;5;\d+m(.*?)\u001b/g)].map(
      ([, sign]) => sign,
    );
    assert.deepEqual(
      [...new Set(signs)].toSorted((a = "", b = "") => (a < b ? -1 : 1)),
      ["+", "-", "CASCADE", "RESTART IDENTITY", "~", "»", "×"],
    );
  });
});
