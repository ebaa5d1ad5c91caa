/** decode-file against the npm parser and against cat, on captures of the workloads. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PgoutputDecoder } from "../../src/postgres/messages/decoder.ts";
import { ByteReader } from "../../src/postgres/bytes/reader.ts";
import { PROGRAM } from "../support/program/cli.ts";
import type { BenchServer, Prepared } from "./environment.ts";
import { finish, run } from "./measure.ts";
import type { Peers } from "./peers.ts";
import { type Contender, type Result, inTurn } from "./rounds.ts";
import { recvlogicalArgv } from "./tools.ts";

/** One capture in three formats. */
interface Captures {
  readonly recvlogical: string;
  readonly raw: string;
  /** Each message after its length: for the npm parser. */
  readonly framed: string;
}

export interface OfflineOptions {
  readonly server: BenchServer;
  readonly peers: Peers | undefined;
  readonly against: string | undefined;
  readonly rounds: number;
  readonly wanted: (tool: string) => boolean;
}

/** Names are those of --only. */
export async function benchOffline(
  prepared: Prepared,
  { server, peers, against, rounds, wanted }: OfflineOptions,
): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-bench-captures-"));
  try {
    const captures = await capture(server, prepared, folder);
    const contenders: Contender[] = [
      contender("decode-file raw", [process.execPath, PROGRAM, "decode-file", captures.raw]),
      contender("decode-file recvlogical", [
        process.execPath,
        PROGRAM,
        "decode-file",
        captures.recvlogical,
      ]),
      {
        ...contender("decode-file sql", [
          process.execPath,
          PROGRAM,
          "decode-file",
          "-F",
          "sql",
          captures.raw,
        ]),
        reference: "decode-file raw",
      },
      contender("cat", ["cat", captures.raw]),
    ];
    if (against !== undefined) {
      contenders.push(
        contender("decode-file-against", [process.execPath, against, "decode-file", captures.raw]),
      );
    }
    if (peers !== undefined) {
      const parser = [process.execPath, peers.script("parser")];
      contenders.push(
        contender("npm parser", [...parser, captures.framed, "whole"]),
        contender("npm parser lean", [...parser, captures.framed, "lean"]),
      );
    }
    const chosen = contenders.filter(({ name }) => wanted(name));
    return chosen.length === 0
      ? []
      : await inTurn(`${prepared.workload.name} offline`, chosen, rounds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function contender(name: string, argv: readonly string[]): Contender {
  return { name, reference: "npm parser", run: async () => await run({ argv }) };
}

async function capture(
  server: BenchServer,
  { slot, endLsn, publication }: Prepared,
  folder: string,
): Promise<Captures> {
  const captures: Captures = {
    recvlogical: join(folder, "recvlogical"),
    raw: join(folder, "raw"),
    framed: join(folder, "framed"),
  };
  const options = ["proto_version=1", `publication_names=${publication}`];
  await server.withCopy(slot, async (copy) => {
    const argv = recvlogicalArgv(copy, endLsn, captures.recvlogical, options);
    await finish(argv, server.env("unix"));
  });
  cutIntoMessages(captures);
  return captures;
}

/** Writes the messages of the first file into the other two. Our decoder tells where each ends. */
function cutIntoMessages({ recvlogical, raw, framed }: Captures): void {
  const reader = new ByteReader(readFileSync(recvlogical));
  const decoder = new PgoutputDecoder();
  const rawFile = new BatchFile(raw);
  const framedFile = new BatchFile(framed);
  const length = Buffer.alloc(4);
  while (reader.offset < reader.end) {
    const start = reader.offset;
    decoder.decodeNext(reader);
    const message = reader.bytes.subarray(start, reader.offset);
    length.writeUInt32BE(message.length);
    rawFile.write(message);
    framedFile.write(length);
    framedFile.write(message);
    // The line feed between two messages.
    reader.offset++;
  }
  rawFile.close();
  framedFile.close();
}

/** A file that is written a megabyte at a time. */
class BatchFile {
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(1 << 20);
  #length = 0;

  constructor(path: string) {
    this.#file = openSync(path, "w");
  }

  write(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) this.#flush();
    if (bytes.length > this.#buffer.length) writeSync(this.#file, bytes);
    else {
      this.#buffer.set(bytes, this.#length);
      this.#length += bytes.length;
    }
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#buffer.subarray(0, this.#length));
    this.#length = 0;
  }
}
