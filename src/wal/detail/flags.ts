/** The names of the flags set, lowest bit first; an unnamed bit gives its value. Equal bits give the same object. */
function flagNames(...names: readonly string[]): (bits: number) => readonly string[] {
  const known: (readonly string[])[] = [];
  return (bits) => (known[bits] ??= namesOf(bits, names));
}

function namesOf(bits: number, names: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let index = 0; 1 << index <= bits; index++) {
    const bit = 1 << index;
    if ((bits & bit) !== 0) found.push(names[index] ?? `0x${bit.toString(16)}`);
  }
  return found;
}

/** access/heapam_xlog.h: XLH_INSERT_, XLH_UPDATE_, XLH_DELETE_, XLH_LOCK_, XLHL_; access/visibilitymapdefs.h. */
export const insertFlags = flagNames(
  ...["ALL_VISIBLE_CLEARED", "LAST_IN_MULTI", "IS_SPECULATIVE", "CONTAINS_NEW_TUPLE"],
  ...["ON_TOAST_RELATION", "ALL_FROZEN_SET"],
);
export const updateFlags = flagNames(
  ...["OLD_ALL_VISIBLE_CLEARED", "NEW_ALL_VISIBLE_CLEARED", "CONTAINS_OLD_TUPLE"],
  ...["CONTAINS_OLD_KEY", "CONTAINS_NEW_TUPLE", "PREFIX_FROM_OLD", "SUFFIX_FROM_OLD"],
);
export const deleteFlags = flagNames(
  ...["ALL_VISIBLE_CLEARED", "CONTAINS_OLD_TUPLE", "CONTAINS_OLD_KEY", "IS_SUPER"],
  "IS_PARTITION_MOVE",
);
export const lockFlags = flagNames("ALL_FROZEN_CLEARED");
export const infobits = flagNames(
  ...["XMAX_IS_MULTI", "XMAX_LOCK_ONLY", "XMAX_EXCL_LOCK", "XMAX_KEYSHR_LOCK", "KEYS_UPDATED"],
);
export const visibleFlags = flagNames("ALL_VISIBLE", "ALL_FROZEN", "XLOG_CATALOG_REL");
