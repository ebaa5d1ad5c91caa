import type { ServerVersion } from "../../support/server/server.ts";

const ALL: readonly ServerVersion[] = [14, 15, 16, 17, 18];
const DEFAULT: readonly ServerVersion[] = [15, 18];

/** Whether the versions were named, as test:matrix does: then nothing is left out to save time. */
export function isThorough(): boolean {
  return (process.env["WALCTL_TEST_VERSIONS"] ?? "") !== "";
}

/** The servers that the matrix runs on: of WALCTL_TEST_VERSIONS (`14,15`), else two. */
export function testedVersions(): readonly ServerVersion[] {
  const wanted = process.env["WALCTL_TEST_VERSIONS"];
  if (wanted === undefined || wanted === "") return DEFAULT;
  return wanted.split(",").map((text) => {
    const version = ALL.find((each) => String(each) === text.trim());
    if (version === undefined)
      throw new Error(`WALCTL_TEST_VERSIONS: ${text} is none of ${ALL.join(", ")}`);
    return version;
  });
}

/** For suites that take minutes: the newest one, and all that were named in a thorough run. */
export function newestOrNamed(): readonly ServerVersion[] {
  return isThorough() ? testedVersions() : DEFAULT.slice(-1);
}

/** The same for suites that are written for the two that are tested by default, and run in the matrix too. */
export function newestOrBoth(): readonly ServerVersion[] {
  return isThorough() ? DEFAULT : DEFAULT.slice(-1);
}
