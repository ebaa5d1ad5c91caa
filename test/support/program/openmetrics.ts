/** Reads OpenMetrics text by its specification (Text Format), and is strict about what it forbids. */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: string;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const METADATA = new RegExp(`^# (TYPE|UNIT|HELP) (${NAME}) (.*)$`);
const SAMPLE = new RegExp(
  String.raw`^(${NAME})\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?\d+(?:\.\d+)?)$`,
);
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy;

export function parseOpenMetrics(text: string): readonly Sample[] {
  assert.ok(text.endsWith("# EOF\n"), "it ends with # EOF");
  const samples: Sample[] = [];
  const families = new Set<string>();
  let family = "";
  let metadata = new Set<string>();
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    const [, keyword = "", subject = "", rest = ""] = METADATA.exec(line) ?? [];
    if (keyword !== "") {
      if (subject !== family) {
        assert.ok(!families.has(subject), `${subject} is in one piece`);
        family = subject;
        metadata = new Set();
        families.add(family);
      }
      assert.ok(!metadata.has(keyword), `one ${keyword} for ${subject}`);
      metadata.add(keyword);
      if (keyword === "TYPE") assert.equal(rest, "gauge");
      if (keyword === "UNIT") assert.ok(family.endsWith(`_${rest}`), `${family} ends in its unit`);
      continue;
    }
    const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    assert.notEqual(name, "", `no sample: ${line}`);
    assert.equal(name, family);
    const pairs = Array.from(labels.matchAll(LABEL), ([, label = "", escaped = ""]) => {
      const plain = escaped.replace(/\\(.)/g, (_, letter) =>
        letter === "n" ? "\n" : String(letter),
      );
      return [label, plain] as const;
    });
    const known = new Map(pairs);
    assert.equal(known.size, pairs.length, "each label once");
    samples.push({ name, labels: known, value });
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, ...labels]));
  assert.equal(new Set(keys).size, keys.length, "each series once");
  return samples;
}
