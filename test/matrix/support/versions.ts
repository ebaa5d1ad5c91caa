import { ALL_VERSIONS, type ServerVersion, folderOf19 } from "../../support/server/server.ts";

const DEFAULT: readonly ServerVersion[] = [15, 18];

/** Whether the versions were named, as test:matrix does: then nothing is left out to save time. */
export function isThorough(): boolean {
  return (process.env["WALCTL_TEST_VERSIONS"] ?? "") !== "";
}

/** The servers that the matrix runs on: of WALCTL_TEST_VERSIONS (`14,15`) and, where WALCTL_TEST_PG19 names its folder, 19; else two. */
export function testedVersions(): readonly ServerVersion[] {
  const wanted = process.env["WALCTL_TEST_VERSIONS"];
  if (wanted === undefined || wanted === "") return DEFAULT;
  const named = wanted.split(",").map((text) => {
    const version = ALL_VERSIONS.find((each) => String(each) === text.trim());
    if (version === undefined)
      throw new Error(`WALCTL_TEST_VERSIONS: ${text} is none of ${ALL_VERSIONS.join(", ")}`);
    return version;
  });
  return named.includes(19) ? named : [...named, ...named19()];
}

/** For suites that take minutes: the newest one, and all that were named in a thorough run. */
export function newestOrNamed(): readonly ServerVersion[] {
  return isThorough() ? testedVersions() : DEFAULT.slice(-1);
}

/** The same for suites that are written for the two that are tested by default and for 19, and run in the matrix too. */
export function newestOrBoth(): readonly ServerVersion[] {
  return isThorough() ? [...DEFAULT, ...named19()] : DEFAULT.slice(-1);
}

function named19(): readonly ServerVersion[] {
  return folderOf19() === undefined ? [] : [19];
}
