/** Doctor's check of transactions that every new slot waits for, and that nobody may end. Data → checks. */
import { type Check, warning } from "../../reports.ts";
import { type OpenTransaction, describeTransaction, endingOf } from "../slot/open-transactions.ts";

export const TRANSACTIONS = "open_transactions";

/** There is no check if there are none. No command: to end such a transaction may lose its changes. */
export function transactionFindings(found: readonly OpenTransaction[]): readonly Check[] {
  return found.map((each) =>
    warning(
      TRANSACTIONS,
      `${describeTransaction(each)}: a new slot waits until it ends, and vacuum keeps what it may still see; ${endingOf(each)}`,
      null,
    ),
  );
}
