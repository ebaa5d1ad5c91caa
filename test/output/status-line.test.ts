import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { it } from "node:test";
import { StatusLine } from "../../src/output/status-line.ts";

const START = "\r\u001b[J\u001b[?7l";
const END = "\u001b[?7h\r";

function open(width: () => number): { line: StatusLine; written: () => string } {
  const stream = new PassThrough({ encoding: "utf8" });
  return {
    line: new StatusLine(stream, width),
    written: () => String(stream.read() ?? ""),
  };
}

it("a status line is cut before the last column, cannot wrap, and leaves the cursor at its start", () => {
  let columns = 80;
  const { line, written } = open(() => columns);
  line.show("-- at 0/1");
  assert.equal(written(), `${START}-- at 0/1${END}`);
  columns = 6;
  line.show("-- at 0/2");
  assert.equal(written(), `${START}-- at${END}`);
});

it("what is printed above a status line is one piece with the line below it", () => {
  const { line, written } = open(() => 80);
  const bytes = Buffer.from("row\n");
  assert.equal(line.above(bytes), bytes, "nothing is there yet");
  line.show("-- at 0/1");
  written();
  assert.equal(
    Buffer.from(line.above(bytes)).toString(),
    `\r\u001b[Jrow\n\u001b[?7l-- at 0/1${END}`,
  );
  line.clear();
  assert.equal(written(), "\r\u001b[J");
  line.clear();
  assert.equal(written(), "", "and is cleared once");
  assert.equal(line.above(bytes), bytes);
});

it("a terminal that is behind gets the status line with what is printed next", () => {
  const written: string[] = [];
  // It never finishes its first write.
  const write = (chunk: unknown): void => void written.push(String(chunk));
  const line = new StatusLine(new Writable({ write }), () => 80);
  line.show("-- at 0/1");
  line.show("-- at 0/2");
  assert.deepEqual(written, [`${START}-- at 0/1${END}`]);
  assert.match(Buffer.from(line.above(Buffer.from("row\n"))).toString(), /row.*-- at 0\/2/s);
});
