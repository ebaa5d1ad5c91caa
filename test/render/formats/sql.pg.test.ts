/** What -F sql prints, run by psql; of every type and version: test/matrix/sql.test.ts. */
import { testReplay } from "../../matrix/support/sql-replay.ts";
import { generated } from "../../matrix/workloads/generated.ts";
import { identities } from "../../matrix/workloads/identities.ts";
import { names } from "../../matrix/workloads/names.ts";
import { ownTypes } from "../../matrix/workloads/own-types.ts";
import { partitions } from "../../matrix/workloads/partitions.ts";
import { toast } from "../../matrix/workloads/toast.ts";
import { truncate } from "../../matrix/workloads/truncate.ts";

testReplay(18, [ownTypes, toast, identities, partitions, generated, names, truncate]);
