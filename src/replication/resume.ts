import { INVALID_LSN, type Lsn, maxLsn } from "../lsn.ts";
import type { PgoutputMessage } from "../pgoutput/messages.ts";

/** The transaction that the loss of the connection cut. */
interface Cut {
  readonly finalLsn: Lsn;
  /** How many of its messages have been passed on. */
  readonly messages: number;
}

/**
 * Tells what a stream that was begun again repeats. Transactions come in the order of their commit LSNs,
 * and the one that was cut comes again from its beginning with the same messages: these are counted,
 * since their LSNs repeat within a transaction.
 */
export class Resume {
  #lastCommitLsn = INVALID_LSN;
  #lastMessageLsn = INVALID_LSN;
  #openFinalLsn = INVALID_LSN;
  #messages = 0;
  /** How many messages of the open transaction are repeated. */
  #repeated = 0;
  #cut: Cut | undefined;

  /** The connection is gone. */
  disconnect(): void {
    if (this.#openFinalLsn === INVALID_LSN) return;
    const messages = Math.max(this.#messages, this.#repeated);
    this.#cut = { finalLsn: this.#openFinalLsn, messages };
    this.#openFinalLsn = INVALID_LSN;
  }

  /** To be asked once for each message received, before anything is done with it. Relation and Type may come again. */
  repeats(message: PgoutputMessage): boolean {
    switch (message.kind) {
      case "relation":
      case "type":
        return false;
      case "begin":
        this.#begin(message.finalLsn);
        return this.#count();
      case "commit": {
        const repeated = this.#count();
        this.#openFinalLsn = INVALID_LSN;
        this.#cut = undefined;
        this.#lastCommitLsn = maxLsn(this.#lastCommitLsn, message.commitLsn);
        return repeated;
      }
      case "message":
        if (message.transactional) return this.#count();
        // Outside of transactions they come in the order of the log, each at a position of its own.
        if (message.messageLsn <= this.#lastMessageLsn) return true;
        this.#lastMessageLsn = message.messageLsn;
        return false;
      default:
        return this.#count();
    }
  }

  #begin(finalLsn: Lsn): void {
    this.#openFinalLsn = finalLsn;
    this.#messages = 0;
    if (finalLsn <= this.#lastCommitLsn) this.#repeated = Infinity;
    else this.#repeated = this.#cut?.finalLsn === finalLsn ? this.#cut.messages : 0;
  }

  #count(): boolean {
    this.#messages++;
    return this.#messages <= this.#repeated;
  }
}
