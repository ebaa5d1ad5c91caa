/** What each case of the table view looks like in 80 columns, as pictures. */
import type { PgoutputMessage } from "../../src/postgres/messages/messages.ts";
import { TableRenderer } from "../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../src/render/table/view.ts";
import { CAPTURED, SCREENS } from "../support/program/screen-cases.ts";
import { busyStream, screenTypes } from "../support/program/screen-streams.ts";
import { renderSvg } from "./svg.ts";

const COLUMNS = 80;
const LINES_MAX = 32;

interface Picture {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

export function screenPictures(): readonly Picture[] {
  const cases = Object.entries({ ...SCREENS, ...CAPTURED }).map(([name, { title, messages }]) =>
    pictureOf(name, title, messages()),
  );
  const burst = pictureOf("burst", "More than can be read", busyStream(400), 20);
  return [...cases, burst];
}

/** @param burstLines with each row 10 ms later than the one before */
function pictureOf(
  name: string,
  title: string,
  messages: readonly PgoutputMessage[],
  burstLines = Number.POSITIVE_INFINITY,
): Picture {
  let now = 0;
  const renderer = new TableRenderer({
    width: () => COLUMNS,
    look: { color: true },
    now: () => now,
    view: { ...WHOLE_VIEW, burstLines },
    types: screenTypes(),
  });
  let text = "";
  for (const message of messages) {
    if (message.kind === "insert" || message.kind === "update") now += 10;
    renderer.render(message);
    if (message.kind === "commit") text += new TextDecoder().decode(renderer.take());
  }
  renderer.finish();
  text += new TextDecoder().decode(renderer.take());
  const shown = text.trimEnd().split("\n").slice(0, LINES_MAX).join("\n");
  return { name, title, svg: renderSvg(shown, COLUMNS, title) };
}
