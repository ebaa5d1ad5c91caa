/** What -F sql prints of every type and workload, run by psql in a copy, and random undos, on every version. */
import { testUndo, testUndoOfWal } from "./support/random-sql.ts";
import { testReplay } from "./support/sql-replay.ts";
import { testedVersions } from "./support/versions.ts";
import { generated } from "./workloads/generated.ts";
import { identities } from "./workloads/identities.ts";
import { names } from "./workloads/names.ts";
import { ownTypes } from "./workloads/own-types.ts";
import { partitions } from "./workloads/partitions.ts";
import { toast } from "./workloads/toast.ts";
import { truncate } from "./workloads/truncate.ts";
import { types } from "./workloads/types.ts";

const WORKLOADS = [types, ownTypes, toast, identities, partitions, generated, names, truncate];

for (const version of testedVersions()) {
  testReplay(version, WORKLOADS);
  testUndo(version);
  testUndoOfWal(version);
}
