/**
 * The xids whose changes a (sub)transaction sees: its own, those of its subtransactions that commit with it, and, for a
 * savepoint that was rolled back, its parents'.
 */
export type Owner = ReadonlySet<number>;
