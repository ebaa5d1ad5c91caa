/** A walctl without a server: whatever interrupts it, it has to have printed everything once at the end. */
import type { PgoutputOptions } from "../../../src/server/settings/pgoutput-options.ts";
import { simulateLog, simulateOtherLog } from "./history.ts";
import { type Expected, type SimulatedLog, expectedOf } from "./log.ts";
import { type Choose, type Sent, payloadOf } from "./pgoutput.ts";
import { PrintedLines, faultAtEnd, faultIn } from "./printed.ts";
import type { Connection, Restored, Scenario } from "./scenario.ts";
import { DrivenTail, removeOutput } from "./tail.ts";
import { type SimulatedSlot, SimulatedWalsender } from "./walsender.ts";

const LAST: Connection = {
  held: false,
  advance: Infinity,
  payloads: Infinity,
  actions: [],
  killed: undefined,
  choices: { block: [], keepalive: [], abort: [], tie: [] },
};

/** A run of a scenario. Its trace is for people. */
export class StreamModel {
  readonly #scenario: Scenario;
  readonly #file: string;
  #log: SimulatedLog;
  readonly #slot: SimulatedSlot;
  /** The slot as it was saved last. */
  #saved: SimulatedSlot;
  /** It has become two_phase while walctl read it. */
  #switched = false;
  /** The log is another one by now. */
  #restored = false;
  /** Where the slot began. */
  readonly #from: number;
  readonly trace: string[] = [];
  #tail!: DrivenTail;
  #processes = 0;
  /** How many records the server has written. */
  #written: number;
  #nowMs = 0;

  constructor(scenario: Scenario, file: string) {
    this.#scenario = scenario;
    this.#file = file;
    this.#log = simulateLog(scenario.history);
    const { records } = this.#log;
    this.#written = Math.min(scenario.slotAt + 1, records.length);
    this.#from = records[this.#written - 1]?.end ?? 0;
    const twoPhase = scenario.slotTwoPhase && scenario.version >= 15;
    const twoPhaseAt = twoPhase ? this.#from : Infinity;
    const sentEarly = new Set<number>();
    this.#slot = { confirmed: this.#from, restart: 0, twoPhase, twoPhaseAt, sentEarly };
    this.#slot.restart = this.#restartAt(this.#from);
    this.#saved = { ...this.#slot };
  }

  /** Returns what is wrong. Undefined: nothing. */
  async run(): Promise<string | undefined> {
    const { connections, toFile } = this.#scenario;
    if (toFile) removeOutput(this.#file);
    const { records } = this.#log;
    const queue = [...connections];
    this.#tail = this.#process();
    for (;;) {
      const next = queue.shift() ?? LAST;
      const crash = this.#advance(next.advance);
      const fault = await this.#connect(next);
      if (fault !== undefined) return fault;
      if (toFile && next.killed !== undefined) {
        this.trace.push(`kill (${next.killed}/8 written)`);
        this.#tail.kill(next.killed);
        this.#tail = this.#process();
      } else this.#tail.disconnect();
      if (next === LAST && this.#written === records.length) break;
      if (this.#written === crash) this.#crash();
    }
    this.#tail.kill(8);
    const text = this.#tail.printed;
    return this.#fault(Infinity, text) ?? faultAtEnd(text, this.#log);
  }

  /**
   * The server is restored from a copy and goes on with another log. Returns what is wrong: something is lost without an
   * error although there is an anchor, or although the server has all that was received; or an error in that case.
   */
  async runRestored({ at, steps: other }: Restored): Promise<string | undefined> {
    const { log, fork } = simulateOtherLog(this.#scenario.history, at, other);
    // The copy has to have the slot.
    if (this.#from > fork) return undefined;
    let copy = { ...this.#slot };
    this.#tail = this.#process();
    for (const next of this.#scenario.connections) {
      this.#advance(next.advance);
      const fault = await this.#connect(next);
      if (fault !== undefined) return fault;
      this.#tail.disconnect();
      if (this.#now <= fork) copy = { ...this.#slot };
      if (this.#log.records[this.#written]?.kind === "crash") this.#crash();
    }
    const { passed, isAnchored, printed } = this.#tail;
    // Limits: the other log may give to others the xids of what is left open here, and the positions of messages.
    const { blocks } = new PrintedLines(printed);
    this.#log = log;
    this.#written = log.records.length;
    Object.assign(this.#slot, copy);
    this.#restored = true;
    const says = `passed ${hex(passed)}, an anchor: ${isAnchored}`;
    this.trace.push(`restored: a copy of ${hex(fork)}, ${says}`);
    const fault = await this.#connect(LAST);
    if (fault?.startsWith("GapError") === true) return passed < fork ? fault : undefined;
    this.#tail.disconnect();
    if (fault !== undefined || (!isAnchored && passed >= fork)) return fault;
    const expected = this.#expected(Math.max(this.#from, fork));
    const lines = new Set(this.#tail.printed.match(/"\d+"/g));
    const lost = expected.find(
      ({ at: end, xid, ids }) =>
        !(xid === 0 && end <= passed) &&
        !blocks.has(xid) &&
        !log.deaths.has(xid) &&
        !ids.every((id) => lines.has(`"${id}"`)),
    );
    return lost && `${lost.xid} of ${hex(lost.at)} is lost`;
  }

  /** The server writes so many records, up to a crash. Returns where. */
  #advance(records: number): number {
    const { length } = this.#log.records;
    const crash = this.#log.records.findIndex(
      ({ kind }, index) => kind === "crash" && index >= this.#written,
    );
    this.#written = Math.min(this.#written + records, crash === -1 ? length : crash);
    return crash;
  }

  /** The end of what the server has written. */
  get #now(): number {
    return this.#log.records[this.#written - 1]?.end ?? this.#from;
  }

  #process(): DrivenTail {
    const { streaming, twoPhaseFrom, messages, acknowledge, version } = this.#scenario;
    const process = this.#processes++;
    const asked = streaming[process % streaming.length] ?? "off";
    const options: PgoutputOptions = {
      publications: ["p"],
      origin: "any",
      messages,
      binary: false,
      streaming: asked === "parallel" && version < 16 ? "on" : asked,
      twoPhase: process >= twoPhaseFrom && version >= 15,
    };
    this.trace.push(
      `process ${process}: streaming ${options.streaming}, two_phase ${options.twoPhase}`,
    );
    this.#options = options;
    return new DrivenTail(this.#scenario.toFile ? this.#file : undefined, options, acknowledge);
  }
  #options!: PgoutputOptions;

  async #connect({ payloads, held, actions, choices }: Connection): Promise<string | undefined> {
    const now = this.#now;
    const slot = { ...this.#slot };
    const { version } = this.#scenario;
    try {
      const { from, streaming } = await this.#tail.connect({
        version,
        position: now,
        timeline: 1,
        ...slot,
      });
      this.trace.push(
        `connect: the server is at ${hex(now)}, the slot at ${hex(slot.confirmed)}, START ${hex(from)}`,
      );
      const { twoPhase, messages } = this.#options;
      const request = { version, streaming, twoPhase, messages, from };
      const walsender = new SimulatedWalsender(
        this.#log,
        now,
        this.#slot,
        request,
        chooserOf(choices),
      );
      if (this.#slot.twoPhase !== this.#saved.twoPhase) {
        this.#switched = true;
        this.#saved = { ...this.#slot };
      }
      let count = 0;
      for (const sent of walsender.send()) {
        if (count === payloads) break;
        this.trace.push(describe(sent));
        this.#tail.receive(payloadOf(sent), held && count === payloads - 1);
        const fault = this.#act(actions[count++] ?? (payloads === Infinity ? 2 : 0));
        if (fault !== undefined) return fault;
      }
    } catch (error) {
      const { message, stack } = error as Error;
      return (error as object).constructor.name === "GapError" ? `GapError: ${message}` : stack;
    }
    return undefined;
  }

  #act(action: number): string | undefined {
    if (action === 0) return undefined;
    this.#tail.flush();
    if (action === 1) return undefined;
    this.#nowMs += 400;
    performance.now = () => this.#nowMs;
    const flush = this.#tail.status();
    if (flush > this.#slot.confirmed) {
      this.trace.push(`confirm ${hex(flush)}`);
      this.#slot.confirmed = flush;
      this.#slot.restart = this.#restartAt(flush);
      const fault = this.#fault(flush, this.#tail.printed);
      if (fault !== undefined) return `confirmed up to ${hex(flush)}: ${fault}`;
    }
    if (action === 3) this.#saved = { ...this.#slot };
    return undefined;
  }

  /** The slot is saved from time to time (SaveSlotToPath at a checkpoint): a crash takes it back. */
  #crash(): void {
    Object.assign(this.#slot, this.#saved);
    this.#written++;
    this.trace.push(`crash: the slot is at ${hex(this.#slot.confirmed)}`);
  }

  /** Before the first record of every transaction that is alive at `position`. */
  #restartAt(position: number): number {
    const firsts = new Map<number, number>();
    for (const record of this.#log.records) {
      if (record.end > position) break;
      if ("top" in record && !firsts.has(record.top)) firsts.set(record.top, record.start);
      const { kind } = record;
      if (kind === "commit" || kind === "commit_prepared" || kind === "rollback_prepared")
        firsts.delete(record.xid);
      if (kind === "abort" && record.xid === record.top) firsts.delete(record.xid);
    }
    return Math.min(position, ...firsts.values());
  }

  /** @param atPrepare these were received at a PREPARE before two_phase_at */
  #expected(from: number, atPrepare: readonly number[] = []): readonly Expected[] {
    const { twoPhaseAt } = this.#slot;
    const isEarly = (xid: number, prepareAt: number): boolean =>
      prepareAt >= twoPhaseAt || atPrepare.includes(xid);
    return expectedOf(this.#log, from, isEarly, this.#scenario.messages);
  }

  /** What was sent at a PREPARE before two_phase_at, FILE may have from there or from the COMMIT PREPARED. */
  #fault(upTo: number, text: string): string | undefined {
    if (this.#restored) return undefined;
    let choices: number[][] = [[]];
    for (const xid of this.#slot.sentEarly)
      choices = choices.flatMap((chosen) => [chosen, [...chosen, xid]]);
    const faults = choices.map((atPrepare) => {
      const expected = this.#expected(this.#from, atPrepare);
      return faultIn(text, this.#log, expected, upTo, this.#switched);
    });
    return faults.includes(undefined) ? undefined : faults[0];
  }
}

function chooserOf(choices: Connection["choices"]): Choose {
  const next = { block: 0, keepalive: 0, abort: 0, tie: 0 };
  return (what, count) => (choices[what][next[what]++] ?? 0) % count;
}

function describe(sent: Sent): string {
  if (sent.kind === "keepalive") return `  keepalive ${hex(sent.walEnd)}`;
  const rest = Object.entries(sent.message).flatMap(([key, value]) => {
    if (["kind", "oid", "commitTime", "prepareTime", "columns", "content"].includes(key)) return [];
    if (key === "new")
      return [`row ${Buffer.from((value as [{ bytes: Uint8Array }])[0].bytes).toString()}`];
    return [`${key} ${typeof value === "bigint" ? hex(Number(value)) : String(value)}`];
  });
  return `  ${hex(sent.at)} ${sent.message.kind} ${rest.join(", ")}`;
}

function hex(position: number): string {
  return Number.isFinite(position) ? position.toString(16) : String(position);
}

/** The history and what happened, for a counterexample. */
export async function explain(scenario: Scenario, file: string): Promise<string> {
  const model = new StreamModel(scenario, file);
  const fault = await model.run();
  const { records } = simulateLog(scenario.history);
  const log = records.map(
    ({ start, end, time: _time, ...content }) =>
      `  ${hex(start)}-${hex(end)} ${JSON.stringify(content)}`,
  );
  const { history: _, connections: __, ...rest } = scenario;
  return [fault, JSON.stringify(rest), "log:", ...log, ...model.trace].join("\n");
}
