/** What tail may be asked for together, each combination with the arguments of one process after another. */
import type { ServerVersion } from "../support/server/server.ts";

const STREAMING = ["off", "on", "parallel"] as const;
type Streaming = (typeof STREAMING)[number];

/**
 * never; always; switched on later, with the slot; asked for at first and then no more, while the slot keeps it; never
 * asked for on a slot that has it.
 */
const TWO_PHASE = ["never", "always", "later", "at_first", "unasked"] as const;

/** "rows": a FILE without the lines that show where prepared and streamed transactions end. */
const OUTPUTS = ["pipe", "file", "rows"] as const;

export interface Combination {
  readonly name: string;
  readonly ack: boolean;
  readonly output: (typeof OUTPUTS)[number];
  readonly streaming: Streaming;
  readonly twoPhase: (typeof TWO_PHASE)[number];
}

/** A process may use another --streaming than the one before. */
const OTHER_STREAMING_SHARE = 0.15;

/** All of them that the server knows, so that neighbours differ in everything. */
export function combinationsOf(version: ServerVersion): readonly Combination[] {
  const streamings = streamingOf(version);
  const twoPhases = version < 15 ? TWO_PHASE.slice(0, 1) : TWO_PHASE;
  const all = [true, false].flatMap((ack) =>
    OUTPUTS.flatMap((output) =>
      streamings.flatMap((streaming) =>
        twoPhases.map((twoPhase): Combination => {
          const name = `${ack ? "ack" : "no_ack"}_${output}_${streaming}_${twoPhase}`;
          return { name, ack, output, streaming, twoPhase };
        }),
      ),
    ),
  );
  return all.map((_, index) => all[(index * STRIDE) % all.length] as Combination);
}

/** Has no divisor in common with the number of combinations. */
const STRIDE = 37;

function streamingOf(version: ServerVersion): readonly Streaming[] {
  return version < 16 ? STREAMING.slice(0, 2) : STREAMING;
}

export interface Process {
  readonly version: ServerVersion;
  /** As Math.random. */
  readonly random: () => number;
  /** The run is past the moment at which options change. */
  readonly late: boolean;
  readonly file: string | undefined;
}

/** The arguments of the next process. */
export function argumentsOf(
  { name, ack, output, streaming, twoPhase }: Combination,
  { version, random, late, file }: Process,
): readonly string[] {
  const others = streamingOf(version);
  const other = others[Math.floor(random() * others.length)] ?? streaming;
  const asked =
    twoPhase === "always" || (twoPhase === "later" && late) || (twoPhase === "at_first" && !late);
  return [
    "-S",
    name,
    "-P",
    "p",
    "--wait",
    "--streaming",
    random() < OTHER_STREAMING_SHARE ? other : streaming,
    ...(ack ? ["--ack"] : []),
    ...(file === undefined ? [] : ["-o", file]),
    ...(output === "rows" ? ["--only", "begin,commit,insert"] : []),
    ...(asked ? ["--two-phase"] : []),
  ];
}
