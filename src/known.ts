/** There is nothing, and that is known. */
export const NONE: unique symbol = Symbol("none");
/** It is not known what there is. */
export const UNKNOWN: unique symbol = Symbol("unknown");

/** An answer that may not be known. */
export type Known<Value> = Value | typeof NONE | typeof UNKNOWN;
