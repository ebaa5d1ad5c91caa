import { WalctlError } from "../../errors.ts";

/** A fault of one capture: others can still be decoded. */
export class InputError extends WalctlError {}
