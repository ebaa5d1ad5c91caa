/**
 * `npm run picture`: draws each case of docs/screen.md, then runs `walctl demo` in a terminal and draws what stands there
 * at its end, for the README.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { openTerminal, WALCTL_COMMAND } from "../support/program/terminal.ts";
import { screenPictures } from "./screens.ts";
import { renderSvg } from "./svg.ts";

const COLUMNS = 100;
const ROWS = 50;
/** From dist/test/picture. */
const FOLDER = new URL("../../../fixtures/picture/", import.meta.url);

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, svg } of screenPictures()) writeFileSync(new URL(`${name}.svg`, FOLDER), svg);
  const terminal = await openTerminal(`${WALCTL_COMMAND} demo`, { columns: COLUMNS, rows: ROWS });
  try {
    const status = await terminal.exit();
    const screen = await terminal.text(true);
    if (status !== 0) throw new Error(`walctl demo ended with status ${status}:\n${screen}`);
    writeFileSync(new URL("walctl.svg", FOLDER), renderSvg(screen, COLUMNS, "walctl demo"));
  } finally {
    await terminal.close();
  }
}

await main();
