/** The command line of the bench. */
import { parseArgs } from "node:util";
import type { ServerVersion } from "../support/server/server.ts";
import { WORKLOADS } from "./workloads.ts";

export const USAGE = `npm run bench -- [options]

  --scale N          sizes of the workloads, 1 being those of the README (default 1; 0.05 to try it)
  --rounds N         rounds in turn (default 5)
  --only NAME,…      workloads (W1 to W7) and tools; also the parts streaming, offline, latency, startup, wal
  --server VERSION   the server's major version (default 15)
  --against PATH     bin/walctl.js of another build of walctl, measured beside this one
  --no-peers         without the npm packages, which else are installed into a temporary folder
  --wal2json FOLDER  where a wal2json.so for that server is
  --json FILE        also write the results there`;

export interface BenchOptions {
  readonly scale: number;
  readonly rounds: number;
  readonly version: ServerVersion;
  readonly against: string | undefined;
  readonly peers: boolean;
  readonly wal2json: string | undefined;
  readonly json: string | undefined;
  readonly wanted: (kind: "workload" | "part" | "tool", name: string) => boolean;
}

const PARTS = new Set(["streaming", "offline", "latency", "startup", "wal"]);

/** Undefined: only help was asked for. */
export function parseOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scale: { type: "string", default: "1" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", multiple: true, default: [] },
      server: { type: "string", default: "15" },
      against: { type: "string" },
      "no-peers": { type: "boolean", default: false },
      wal2json: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    scale: Number(values.scale),
    rounds: Number(values.rounds),
    version: Number(values.server) as ServerVersion,
    against: values.against,
    peers: !values["no-peers"],
    wal2json: values.wal2json,
    json: values.json,
    wanted: chooser(values.only.flatMap((list) => list.split(","))),
  };
}

/** Of each kind of which nothing is named, everything is wanted. */
function chooser(only: readonly string[]): BenchOptions["wanted"] {
  const kindOf = (name: string): "workload" | "part" | "tool" => {
    if (WORKLOADS.some((workload) => workload.name === name)) return "workload";
    return PARTS.has(name) ? "part" : "tool";
  };
  return (kind, name) => {
    const named = only.filter((each) => kindOf(each) === kind);
    return named.length === 0 || named.includes(name);
  };
}
