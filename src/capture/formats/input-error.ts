import { WalctlError } from "../../errors.ts";

/** What is wrong with one capture: others can still be decoded. */
export class InputError extends WalctlError {}
