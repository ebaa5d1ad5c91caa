/** Random histories, options and interruptions, and a walctl that has to have printed everything once at the end. */
import fc, { type Arbitrary } from "fast-check";
import type { PgoutputOptions, Streaming } from "../../../src/server/settings/pgoutput-options.ts";
import { DrivenTail, removeOutput } from "./driven-tail.ts";
import { faultAtEnd, faultIn } from "./printed-lines.ts";
import { type SimulatedLog, type Step, expectedOf, simulateLog, steps } from "./simulated-log.ts";
import {
  type Choose,
  type SimulatedSlot,
  SimulatedWalsender,
  type Sent,
  payloadOf,
} from "./simulated-walsender.ts";

/** One connection, and how it ends. */
interface Connection {
  /** How many records the server writes before it begins. */
  readonly advance: number;
  /** How many payloads come before it is cut. */
  readonly payloads: number;
  /** After each payload. 1: a chunk ends, so that all is written. 2: a status is sent, too. 3: the slot is saved, too. */
  readonly actions: readonly number[];
  readonly choices: Readonly<Record<Parameters<Choose>[0], readonly number[]>>;
  /** Another process goes on; so many eighths of the last write are in FILE. Undefined: this process goes on. */
  readonly killed: number | undefined;
}

export interface Scenario {
  readonly history: readonly Step[];
  readonly version: number;
  readonly streaming: readonly Streaming[];
  /** From which process on --two-phase is given. */
  readonly twoPhaseFrom: number;
  readonly messages: boolean;
  readonly acknowledge: boolean;
  /** -o FILE. Without, no process goes on where another one was killed. */
  readonly toFile: boolean;
  /** The record before which the slot is. */
  readonly slotAt: number;
  readonly slotTwoPhase: boolean;
  readonly connections: readonly Connection[];
}

const choices = (maxLength: number): Arbitrary<number[]> => fc.array(fc.nat(3), { maxLength });
const connection: Arbitrary<Connection> = fc.record({
  advance: fc.nat(30),
  payloads: fc.nat(25),
  actions: choices(25),
  choices: fc.record({
    block: choices(30),
    keepalive: choices(30),
    abort: choices(5),
    tie: choices(5),
  }),
  killed: fc.option(fc.nat(8), { nil: undefined }),
});

export const scenario: Arbitrary<Scenario> = fc.record({
  history: steps(30),
  version: fc.integer({ min: 14, max: 18 }),
  streaming: fc.array(fc.constantFrom<Streaming>("on", "off", "parallel"), {
    minLength: 1,
    maxLength: 3,
  }),
  twoPhaseFrom: fc.nat(4),
  messages: fc.boolean(),
  acknowledge: fc.boolean(),
  toFile: fc.oneof(
    { weight: 3, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  slotAt: fc.nat(10),
  slotTwoPhase: fc.boolean(),
  connections: fc.array(connection, { maxLength: 6 }),
});

const LAST: Connection = {
  ...{ advance: Infinity, payloads: Infinity, actions: [], killed: undefined },
  choices: { block: [], keepalive: [], abort: [], tie: [] },
};

/** A run of a scenario. Its trace is for people. */
export class StreamModel {
  readonly #scenario: Scenario;
  readonly #file: string;
  readonly #log: SimulatedLog;
  readonly #slot: SimulatedSlot;
  /** The slot as it was saved last. */
  #saved: SimulatedSlot;
  /** It has become two_phase while walctl read it. */
  #switched = false;
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
    this.#slot = { confirmed: this.#from, restart: 0, twoPhase, twoPhaseAt };
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
      const crash = records.findIndex(
        ({ kind }, index) => kind === "crash" && index >= this.#written,
      );
      const last = crash === -1 ? records.length : crash;
      this.#written = Math.min(this.#written + next.advance, last);
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

  #process(): DrivenTail {
    const { streaming, twoPhaseFrom, messages, acknowledge, version } = this.#scenario;
    const process = this.#processes++;
    const asked = streaming[process % streaming.length] ?? "off";
    const options: PgoutputOptions = {
      ...{ publications: ["p"], origin: "any", messages, binary: false },
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

  async #connect({ payloads, actions, choices }: Connection): Promise<string | undefined> {
    const { records } = this.#log;
    const now = records[this.#written - 1]?.end ?? this.#from;
    const slot = { ...this.#slot };
    const { version } = this.#scenario;
    try {
      const from = await this.#tail.connect({ version, position: now, timeline: 1, ...slot });
      this.trace.push(
        `connect: the server is at ${hex(now)}, the slot at ${hex(slot.confirmed)}, START ${hex(from)}`,
      );
      const { streaming, twoPhase, messages } = this.#options;
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
        this.#tail.receive(payloadOf(sent));
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

  #fault(upTo: number, text: string): string | undefined {
    const { messages } = this.#scenario;
    const expected = expectedOf(this.#log, this.#from, this.#slot.twoPhaseAt, messages);
    return faultIn(text, this.#log, expected, upTo, this.#switched);
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
    ({ start, end, ...content }) => `  ${hex(start)}-${hex(end)} ${JSON.stringify(content)}`,
  );
  const { history: _, connections: __, ...rest } = scenario;
  return [fault, JSON.stringify(rest), "log:", ...log, ...model.trace].join("\n");
}
