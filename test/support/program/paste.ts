/** Commands that walctl suggests, run as a person would: pasted into a shell. */
import { execFile } from "node:child_process";
import { dirname, delimiter } from "node:path";
import { promisify } from "node:util";
import { PROGRAM } from "./cli.ts";
import { toolPath } from "../tools/tools.ts";

/** Runs it in a bash that knows `walctl` and psql, and gives what it printed. It must succeed. */
export async function pasteCommand(
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const script = `walctl() { '${process.execPath}' '${PROGRAM}' "$@"; }\n${command}`;
  const path = [dirname(toolPath("psql")), process.env["PATH"] ?? ""].join(delimiter);
  const options = { env: { PATH: path, ...env } };
  return (await promisify(execFile)("bash", ["--norc", "-c", script], options)).stdout;
}
