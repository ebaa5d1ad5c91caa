/** What people look at, in goldens of 40, 80, 120 and 200 columns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../../src/render/table/view.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import {
  busyStream,
  identityStream,
  narrowStream,
  partitionStream,
  pgbenchStream,
  screenTypes,
} from "../../support/program/screen-streams.ts";
import { CAPTURED, SCREENS } from "../../support/program/screen-cases.ts";
import { assertFits, decodeCapture } from "../../support/program/tables.ts";

const WIDTHS = [40, 80, 120, 200];
const SCREEN_ROWS = 24;

/** @param piece how many messages are taken at once, as a server sends them or a file is read */
function render(
  messages: readonly PgoutputMessage[],
  width: number,
  expanded = false,
  piece = Infinity,
): string {
  const view = { ...WHOLE_VIEW, expanded };
  const options = { width: () => width, look: { color: false }, view, types: screenTypes() };
  const renderer = new TableRenderer(options);
  let text = "";
  for (const [index, message] of messages.entries()) {
    renderer.render(message);
    if ((index + 1) % piece === 0) text += new TextDecoder().decode(renderer.take());
  }
  return text + new TextDecoder().decode(renderer.take());
}

describe("the screen", () => {
  for (const [name, { messages }] of Object.entries(SCREENS)) {
    for (const width of WIDTHS) {
      it(`${name} in ${width} columns`, () => {
        const text = render(messages(), width);
        assertFits(text, width);
        matchGolden(`fixtures/tables/${name}-${width}.txt`, text);
      });
    }
  }

  it("identity, expanded, in 80 columns", () => {
    const text = render(identityStream(), 80, true);
    assertFits(text, 80);
    matchGolden("fixtures/tables/identity-expanded-80.txt", text);
  });

  it("holds five of pgbench's transactions in 24 lines, and twenty of one row", () => {
    const transactions = (text: string): number =>
      text
        .split("\n")
        .slice(0, SCREEN_ROWS)
        .filter((line) => /^\d\d:/.test(line)).length;
    // The fifth has all of its four lines.
    const lines = render(pgbenchStream(), 80).split("\n").slice(0, SCREEN_ROWS);
    assert.ok(lines.filter((line) => line.includes("└")).length >= 5, lines.join("\n"));
    assert.ok(transactions(render(narrowStream(), 80)) >= 20);
  });

  it("shows each row as it came, however many come at once", () => {
    const text = render(busyStream(20_000), 80);
    const shown = [...text.matchAll(/ (?:\+ events|~ accounts) +(\d+) {2}(.*)\n/g)];
    assert.equal(shown.length, 20_000);
    for (const [index, [, id, rest = ""]] of shown.entries()) {
      const isEvent = index % 3 === 0;
      assert.equal(id, String(isEvent ? index : index % 40));
      assert.ok(rest.includes(isEvent ? "what=clicked" : `${index}.00`), `${index}: ${rest}`);
    }
  });

  it("gives sign, table and key at most 20 of 80 columns", () => {
    for (const [name, { messages }] of Object.entries(SCREENS)) {
      for (const line of render(messages(), 80).split("\n")) {
        const subject = /[ ┌│└] ([+~-] \S+(?: \S+)?) {2}/.exec(line)?.[1];
        if (subject !== undefined && !subject.includes("="))
          assert.ok(subject.length <= 20, `${name}: ${line}`);
      }
    }
  });

  for (const [name, { messages }] of Object.entries({ ...SCREENS, ...CAPTURED })) {
    it(`${name} is drawn the same, however many messages come at once`, () => {
      for (const width of WIDTHS) {
        for (const expanded of [false, true]) {
          const whole = render(messages(), width, expanded);
          for (const piece of [1, 2, 3, 5, 8])
            assert.equal(render(messages(), width, expanded, piece), whole);
        }
      }
    });
  }

  for (const [name, { messages }] of Object.entries({ ...SCREENS, ...CAPTURED })) {
    it(`${name}: opens and closes the frame of each transaction, however its messages come`, () => {
      for (const width of WIDTHS) {
        for (const piece of [1, Infinity]) {
          const text = render(messages(), width, false, piece);
          let open = false;
          for (const line of text.split("\n")) {
            const [, mark = ""] = /^[\d:. ]*([┌│├└])/.exec(line) ?? [];
            if (mark === "") assert.ok(!open || line.startsWith("──"), text);
            else assert.equal(open, mark !== "┌", `${line}\n${text}`);
            if (mark !== "") open = mark !== "└";
          }
          assert.ok(!open, text);
        }
      }
    });
  }

  it("draws the rows of a subtransaction as a grid, whichever of them come with its line", () => {
    const messages = [...decodeCapture("pg18-stream-abort-p2")];
    const xids = messages.map((message) =>
      message.kind === "insert" ? message.transaction?.xid : 0,
    );
    const at = xids.findIndex((xid, index) => xid && xids[index - 1] && xid !== xids[index - 1]);
    assert.ok(at > 20);
    const part = messages.slice(0, at + 20);
    // How wide its columns are depends on the rows that have come.
    const drawn = (piece?: number): string => render(part, 80, false, piece).replace(/ +/g, " ");
    for (let piece = 1; piece < 25; piece++) assert.equal(drawn(piece), drawn());
  });

  it("opens the frame of a transaction whose end has not come after a second", () => {
    const renderer = new TableRenderer({
      width: () => 80,
      look: { color: false },
      view: WHOLE_VIEW,
      types: screenTypes(),
    });
    const messages = narrowStream();
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    for (const message of messages.slice(0, 3)) renderer.render(message);
    assert.equal(decode(renderer.take()), "");
    assert.match(decode(renderer.tick()), /\d 800 ┌ \+ jobs 1 .*\n$/);
    renderer.render(messages[3] ?? assert.fail());
    assert.match(decode(renderer.take()), /^ +└\n$/);
  });

  it("tells partitions apart", () => {
    const names = [...render(partitionStream(), 80).matchAll(/ \+ (\S+)/g)].map(([, name]) => name);
    assert.equal(new Set(names).size, 6, names.join("\n"));
  });
});
