import { fixture } from "../golden/golden.ts";

/** The statements of fixtures/wal2json/workload.sql. */
export function wal2jsonWorkload(): readonly string[] {
  const text = Buffer.from(fixture("fixtures/wal2json/workload.sql")).toString("utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("--"));
}
