/** What happens while walctl reads a slot, for fast-check: a history, options, and interruptions. */
import fc, { type Arbitrary } from "fast-check";
import type { Streaming } from "../../../src/server/settings/pgoutput-options.ts";
import { type Step, steps } from "./history.ts";
import type { Choose } from "./pgoutput.ts";

/** One connection, and how it ends. */
export interface Connection {
  /** How many records the server writes before it begins. */
  readonly advance: number;
  /** How many payloads come before it is cut. */
  readonly payloads: number;
  /** It is cut while the last of them waits for the catalogue. */
  readonly held: boolean;
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

const numbers = (maxLength: number): Arbitrary<number[]> =>
  fc.array(fc.nat(3), { maxLength, size: "max" });
const connection: Arbitrary<Connection> = fc.record({
  advance: fc.nat(30),
  payloads: fc.nat(25),
  held: fc.boolean(),
  actions: numbers(25),
  choices: fc.record({
    block: numbers(30),
    keepalive: numbers(30),
    abort: numbers(5),
    tie: numbers(5),
  }),
  killed: fc.option(fc.nat(8), { nil: undefined }),
});

export const scenarios: Arbitrary<Scenario> = fc.record({
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

/** Another log: the first steps are the same. */
export interface Restored {
  readonly at: number;
  readonly steps: readonly Step[];
}
export const restorations: Arbitrary<Restored> = fc.record({ at: fc.nat(25), steps: steps(25) });
