import type { Workload } from "../support/workload.ts";
import { ddl } from "./ddl.ts";
import { filters } from "./filters.ts";
import { generated } from "./generated.ts";
import { identities } from "./identities.ts";
import { large } from "./large.ts";
import { messages } from "./messages.ts";
import { names } from "./names.ts";
import { origins } from "./origins.ts";
import { ownTypes } from "./own-types.ts";
import { partitions } from "./partitions.ts";
import { prepared } from "./prepared.ts";
import { savepoints } from "./savepoints.ts";
import { toast } from "./toast.ts";
import { truncate } from "./truncate.ts";
import { types } from "./types.ts";

export const WORKLOADS: readonly Workload[] = [
  types,
  ownTypes,
  toast,
  identities,
  partitions,
  ddl,
  filters,
  generated,
  savepoints,
  large,
  truncate,
  origins,
  messages,
  names,
  prepared,
];
