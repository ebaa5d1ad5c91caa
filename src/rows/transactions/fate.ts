/** How a transaction ended that was asked for. */
export interface Fate {
  readonly aborted: boolean;
  /** The start of the record that ends it. */
  readonly lsn: number;
  /** Itself, or the transaction whose subtransaction it is. */
  readonly top: number;
  /** Neither its time nor its place nor its origin leaves it out. */
  readonly wanted: boolean;
}
