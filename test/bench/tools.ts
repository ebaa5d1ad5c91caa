/** The programs that stream a workload to its end, each as the command that does it. */
import { PROGRAM } from "../support/program/cli.ts";
import { findTool } from "../support/tools/tools.ts";
import type { BenchServer, Prepared } from "./environment.ts";
import type { Command } from "./measure.ts";
import type { PeerPackage, Peers } from "./peers.ts";

export interface Tool {
  /** For --only and the table. */
  readonly name: string;
  /** What all are compared with has this name; of a transport of its own, its own. */
  readonly reference: string;
  /** The slot to copy; undefined: the workload has none for this tool. */
  readonly slot: (workload: Prepared) => string | undefined;
  /** The command that uses up `slot`. */
  readonly command: (workload: Prepared, slot: string) => Command;
}

export const REFERENCE = "pg_recvlogical";
const PIPE = "cat > /dev/null";

/** `against`: the bin/walctl.js of another build, to be measured beside this one. */
export function streamingTools(
  server: BenchServer,
  peers: Peers | undefined,
  against: string | undefined,
): readonly Tool[] {
  return [
    pgRecvlogical(REFERENCE, server, "unix"),
    tail("tail", server, "unix"),
    ...(against === undefined ? [] : [tail("tail-against", server, "unix", { program: against })]),
    decodeWal(server),
    tail("tail-pipe", server, "unix", { reader: PIPE }),
    ...(against === undefined
      ? []
      : [tail("tail-pipe-against", server, "unix", { program: against, reader: PIPE })]),
    pgRecvlogical("pg_recvlogical-pipe", server, "unix", PIPE),
    pgRecvlogical("pg_recvlogical-tcp", server, "tcp"),
    tail("tail-tcp", server, "tcp"),
    ...(against === undefined
      ? []
      : [tail("tail-tcp-against", server, "tcp", { program: against })]),
    ...(server.wal2json ? [wal2json(server)] : []),
    ...(peers === undefined
      ? []
      : [
          peer("pg-logical-replication", server, peers),
          peer("postgres", server, peers),
          peer("pgwire", server, peers),
        ]),
  ];
}

/** A pipe that is read at some 20 MB a second: for what memory a tool then takes. */
export function slowReader(server: BenchServer, script: string): Tool {
  return tail("tail-slow-pipe", server, "unix", { reader: `${process.execPath} ${script}` });
}

function tail(
  name: string,
  server: BenchServer,
  transport: "unix" | "tcp",
  { program = PROGRAM, reader }: { program?: string; reader?: string } = {},
): Tool {
  return {
    name,
    reference: referenceOf(transport),
    slot: (workload) => workload.slot,
    command: ({ publication, endLsn }, slot) => ({
      argv: [
        process.execPath,
        program,
        "tail",
        "--slot",
        slot,
        "--publication",
        publication,
        "--endpos",
        endLsn,
        "--format",
        "ndjson",
        "--no-loop",
      ],
      env: server.env(transport),
      reader,
    }),
  };
}

/** The same rows out of the server's WAL. */
function decodeWal(server: BenchServer): Tool {
  return {
    name: "decode-file --catalog",
    reference: "tail",
    slot: (workload) => workload.slot,
    command: ({ fromWal }) => ({
      argv: [process.execPath, PROGRAM, "decode-file", "--format", "ndjson", ...fromWal],
      env: server.env("unix"),
    }),
  };
}

/** To /dev/null by itself, or to standard output for `reader`. */
function pgRecvlogical(
  name: string,
  server: BenchServer,
  transport: "unix" | "tcp",
  reader?: string,
): Tool {
  return {
    name,
    reference: referenceOf(transport),
    slot: (workload) => workload.slot,
    command: ({ publication, endLsn }, slot) => ({
      argv: recvlogicalArgv(slot, endLsn, reader === undefined ? "/dev/null" : "-", [
        "proto_version=1",
        `publication_names=${publication}`,
      ]),
      env: server.env(transport),
      reader,
    }),
  };
}

export function recvlogicalArgv(
  slot: string,
  endLsn: string,
  file: string,
  options: readonly string[],
): readonly string[] {
  const program = findTool("pg_recvlogical");
  if (program === undefined)
    throw new Error("pg_recvlogical is missing; npm run pretest brings it");
  return [
    program,
    "--start",
    "--dbname",
    "postgres",
    "--slot",
    slot,
    "--endpos",
    endLsn,
    "--file",
    file,
    "--no-loop",
    ...options.flatMap((option) => ["--option", option]),
  ];
}

function wal2json(server: BenchServer): Tool {
  return {
    name: "wal2json",
    reference: REFERENCE,
    slot: (workload) => workload.wal2jsonSlot,
    command: ({ endLsn }, slot) => ({
      argv: recvlogicalArgv(slot, endLsn, "/dev/null", ["format-version=2"]),
      env: server.env("unix"),
    }),
  };
}

function peer(name: PeerPackage, server: BenchServer, peers: Peers): Tool {
  return {
    name: `npm ${name}`,
    reference: REFERENCE,
    slot: (workload) => workload.slot,
    command: ({ publication }, slot) => ({
      argv: [process.execPath, peers.script(name), slot, publication],
      env: server.env("unix"),
    }),
  };
}

function referenceOf(transport: "unix" | "tcp"): string {
  return transport === "unix" ? REFERENCE : `${REFERENCE}-tcp`;
}
