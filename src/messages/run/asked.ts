import type { OutputFlags, OutputOptions } from "../../program/options.ts";
import { type FilterFlags, type MessageFilter, createFilter } from "../filter/filter.ts";
import { type GateFlags, type GateOptions, gateOptions } from "../gate/gate.ts";
import { type RendererFlags, type RendererOptions, rendererOptions } from "./renderer.ts";
import { askedColumns } from "./table-flags.ts";

export interface AskedFlags extends OutputFlags, FilterFlags, GateFlags, RendererFlags {}

/** Which messages a run prints, and how. */
export interface Asked {
  readonly filter: MessageFilter;
  readonly where: readonly string[];
  readonly gate: GateOptions;
  /** The names given to --columns. */
  readonly columns: readonly string[];
  readonly rendering: RendererOptions;
}

/**
 * Turns the flags that tail and decode-file have in common into typed options. The code behind it sees none of them.
 * @throws WalctlError, a usage error
 */
export function askedOf(flags: AskedFlags, output: OutputOptions): Asked {
  return {
    gate: gateOptions(flags),
    filter: createFilter(flags),
    where: flags.where ?? [],
    columns: askedColumns(flags),
    rendering: rendererOptions(flags, output),
  };
}
