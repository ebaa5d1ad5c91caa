/** A (sub)transaction's own xid and those of its surviving subtransactions; of a savepoint that was rolled back its parents' too. */
export type Owner = ReadonlySet<number>;
