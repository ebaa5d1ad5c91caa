/** The rooms of src/ and the walls between them (ARCHITECTURE.md shows the same table). */
import { posix } from "node:path";
import { type Import, importsOf, processUses } from "./imports.ts";

interface Room {
  /** Rooms, or single files of them. */
  readonly mayImport: readonly string[];
  /** Packages and node: modules, `node:*` for all of these; with `lazy ` before it: only by import() or its types. */
  readonly mayUse: readonly string[];
}

const ALL_ROOMS = [
  "leaves",
  "postgres",
  "wal",
  "catalog",
  "rows",
  "server",
  "capture",
  "render",
  "output",
  "demo",
  "program",
  "messages",
  "commands",
];

export const ROOMS: Readonly<Record<string, Room>> = {
  leaves: { mayImport: [], mayUse: [] },
  postgres: { mayImport: ["leaves", "kernels.ts"], mayUse: [] },
  wal: { mayImport: ["leaves", "postgres"], mayUse: [] },
  catalog: { mayImport: ["leaves", "postgres"], mayUse: [] },
  rows: { mayImport: ["leaves", "postgres", "catalog"], mayUse: [] },
  server: { mayImport: ["leaves", "postgres"], mayUse: ["node:*", "pg"] },
  capture: {
    mayImport: ["leaves", "postgres", "wal", "catalog", "server/delivery/frame.ts"],
    mayUse: ["node:*", "lazy fzstd"],
  },
  render: {
    mayImport: ["leaves", "postgres", "wal", "kernels.ts"],
    mayUse: ["chalk", "cli-table3", "node:buffer"],
  },
  output: {
    mayImport: ["leaves", "postgres/messages/boundary.ts", "render/ndjson/grammar.ts"],
    mayUse: ["node:*", "lazy ora"],
  },
  demo: { mayImport: ["leaves"], mayUse: ["node:*", "pg"] },
  program: {
    mayImport: [
      "leaves",
      "output",
      "render",
      "server/connection/within.ts",
      "capture/source.ts",
      "rows/pages/spill.ts",
    ],
    mayUse: ["node:*"],
  },
  messages: {
    mayImport: [
      "leaves",
      "postgres",
      "server",
      "render",
      "output",
      "program",
      "capture/writer.ts",
      "rows/pages/spill.ts",
      "version.ts",
    ],
    mayUse: ["node:*", "lazy @marcbachmann/cel-js", "lazy re2js"],
  },
  commands: {
    mayImport: [...ALL_ROOMS, "version.ts"],
    mayUse: ["node:*", "lazy pg"],
  },
  cli: {
    mayImport: ["leaves", "commands", "program", "render/shell/program-shape.ts"],
    mayUse: ["commander"],
  },
  "cli.ts": {
    mayImport: [
      "leaves",
      "cli",
      "commands",
      "program",
      "render/reports/diagnostics.ts",
      "version.ts",
    ],
    mayUse: ["commander"],
  },
  "version.ts": { mayImport: [], mayUse: ["node:fs"] },
  "kernels.ts": { mayImport: [], mayUse: ["node:fs"] },
  "main.ts": { mayImport: ["cli.ts", "program/context.ts"], mayUse: ["node:tty"] },
};

/**
 * The folders within a room, from the ground up: a file imports from its own folder and from those before it. Files
 * that stand in no folder of a room are for all of it.
 */
const STOREYS: Readonly<Record<string, readonly string[]>> = {
  server: [
    "target",
    "query",
    "connection",
    "settings",
    "catalog",
    "publication",
    "slot",
    "doctor",
    "delivery",
    "start",
    "types",
    "stream",
  ],
  postgres: [
    "bytes",
    "pages",
    "compression",
    "tuples",
    "types",
    "contrib",
    "records",
    "messages",
    "stored",
  ],
  messages: ["filter", "where", "gate", "pipeline", "run"],
  rows: ["pages", "catalog", "toast", "transactions", "messages", "decoder"],
  render: [
    "bytes",
    "terminal",
    "shell",
    "values",
    "cells",
    "table",
    "wal",
    "ndjson",
    "formats",
    "reports",
  ],
};

const LEAVES = new Set([
  "assert.ts",
  "byte-count.ts",
  "errors.ts",
  "known.ts",
  "hostile-text.ts",
  "lsn.ts",
  "pg-time.ts",
  "reports.ts",
]);

/** In no room: the process under another name. */
const FORBIDDEN = new Set(["node:process", "process"]);

/** What no file may say, except those whose path begins like that. */
const LAWS: ReadonlyArray<{
  readonly says: RegExp;
  readonly except: readonly string[];
  readonly wrong: string;
}> = [
  {
    says: /\binfo & (?!PageInfo)|\bopcode [!=]== \d|\.view\.get\w+\((?:record\.)?mainStart/,
    except: ["postgres/"],
    wrong: "src/postgres/records knows opcodes, flags and layouts: ask it",
  },
  {
    says: /\b(?:typeOid|oid) [!=]== \d\d|new Set\(\[\d{2,4}(?:, \d{2,4}){2,}|case \d{2,4}: \/\/ /,
    except: ["postgres/"],
    wrong: "src/postgres/types knows the oids of types: ask for the family",
  },
  {
    says: /\| null \| undefined|\| undefined \| null/,
    except: [],
    wrong: "null and undefined say nothing of what is not known: Known has NONE and UNKNOWN",
  },
  {
    says: /case "commit_prepared"/,
    except: ["postgres/messages/", "render/", "capture/ndjson/"],
    wrong: "boundaryOf() says what a message begins and ends: ask it",
  },
  {
    says: /implements DetailSink\b/,
    except: ["render/"],
    wrong: "a DetailSink prints: ask src/postgres/records for what a record says",
  },
];

/** Paths below src/ and their text in; `file:line: what is wrong` out. */
export function violations(files: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  for (const [path, source] of files) {
    for (const each of importsOf(source)) {
      const wrong = wrongWith(path, each, files);
      if (wrong !== undefined) found.push(`src/${path}:${each.line}: ${wrong}`);
    }
    for (const { says, except, wrong } of LAWS) {
      if (except.some((start) => path.startsWith(start))) continue;
      for (const [index, line] of source.split("\n").entries())
        if (says.test(line)) found.push(`src/${path}:${index + 1}: ${wrong}`);
    }
    if (path === "main.ts") continue;
    for (const line of processUses(source)) {
      found.push(`src/${path}:${line}: only main.ts may touch process`);
    }
  }
  return [...found, ...cycles(files)];
}

/** The packages that are loaded with the file, whatever is run. */
export function loadedPackages(entry: string, files: ReadonlyMap<string, string>): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const each of importsOf(files.get(path) ?? "")) {
      if (each.lazy) continue;
      if (each.from.startsWith(".")) visit(targetOf(path, each.from));
      else if (!each.from.startsWith("node:")) packages.add(each.from);
    }
  };
  visit(entry);
  return packages;
}

function wrongWith(
  path: string,
  { from, lazy }: Import,
  files: ReadonlyMap<string, string>,
): string | undefined {
  const name = roomOf(path);
  const room = ROOMS[name];
  if (room === undefined) return `${name} is no room; add it to the table`;
  if (!from.startsWith(".")) {
    if (FORBIDDEN.has(from)) return `imports ${from}: only main.ts may touch process`;
    return mayUse(room, from, lazy) ? undefined : `${name} may not use ${from}`;
  }
  const target = targetOf(path, from);
  if (!files.has(target)) return `${from} is not in src`;
  const targetRoom = roomOf(target);
  if (targetRoom === name && name !== "leaves") {
    return storeyMisuse(path, target) ?? commandMisuse(path, target, files);
  }
  if (!room.mayImport.includes(targetRoom) && !room.mayImport.includes(target)) {
    return `${name} may not import ${target}`;
  }
  return commandMisuse(path, target, files);
}

function storeyMisuse(path: string, target: string): string | undefined {
  const [room = "", folder = "", ...inFolder] = path.split("/");
  const [, below = "", ...inBelow] = target.split("/");
  if (room === "commands" && inFolder.length + inBelow.length > 1 && folder !== below)
    return `commands/${folder} may not import ${target}: what two commands need stands in no folder`;
  const storeys = STOREYS[room];
  if (storeys === undefined || !target.slice(room.length + 1).includes("/")) return undefined;
  const [own, other] = [storeys.indexOf(folder), storeys.indexOf(below)];
  if (other < 0) return `${room}/${below} is no folder of ${room}; add it to the table`;
  return other <= own ? undefined : `${room}/${folder} may not import ${target}`;
}

/** A command is run by cli.ts; only the demo runs another one. */
function commandMisuse(
  path: string,
  target: string,
  files: ReadonlyMap<string, string>,
): string | undefined {
  if (path === "cli.ts" || !commandModules(files).has(target)) return undefined;
  if (path === "commands/demo.ts" && target === "commands/tail/tail.ts") return undefined;
  return `only cli.ts may import the command ${target}`;
}

/** What cli.ts loads when it is asked to run it. */
function commandModules(files: ReadonlyMap<string, string>): Set<string> {
  const imports = importsOf(files.get("cli.ts") ?? "");
  const targets = imports.map(({ from }) => targetOf("cli.ts", from));
  return new Set(targets.filter((path) => path.startsWith("commands/")));
}

function mayUse(room: Room, from: string, lazy: boolean): boolean {
  return room.mayUse.some((each) => {
    if (each === "node:*") return from.startsWith("node:");
    return each === from || (lazy && each === `lazy ${from}`);
  });
}

function roomOf(path: string): string {
  if (LEAVES.has(path)) return "leaves";
  return path.split("/", 1)[0] ?? "";
}

function targetOf(path: string, from: string): string {
  return posix.join(posix.dirname(path), from);
}

/** Type imports count too: files that need each other's types are one file in two. */
function cycles(files: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0)
      found.push(`src/${path}:1: import cycle ${[...way.slice(start), path].join(" → ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const { from } of importsOf(files.get(path) ?? "")) {
      if (from.startsWith(".")) visit(targetOf(path, from), [...way, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}
