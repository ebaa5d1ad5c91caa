import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { Interrupted, WalctlError } from "../errors.ts";

const TERMINAL = "/dev/tty";

const KEYS = { interrupt: "\u0003", end: "\u0004", delete: "\u007f", backspace: "\b" } as const;
const CLEAR_LINE = "\u0015";

/**
 * Asks on the terminal, as psql does, wherever the standard streams lead. What is typed is not shown, and the terminal is
 * as it was before when this returns.
 * @throws WalctlError where there is no terminal, or the answer was broken off
 */
export async function askPassword(question: string, stop: AbortSignal): Promise<string> {
  const terminal = openTerminal();
  try {
    return await read(terminal, question, stop);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
  }
}

/** Raw: nothing that is typed is echoed, and Ctrl-C comes as a character. */
function openTerminal(): ReadStream {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(TERMINAL, "r+");
    return new ReadStream(descriptor).setRawMode(true);
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw new WalctlError("there is no terminal to ask for the password on", {
      hint: "Set PGPASSWORD, or write the password to ~/.pgpass.",
      cause,
    });
  }
}

async function read(terminal: ReadStream, question: string, stop: AbortSignal): Promise<string> {
  let typed = "";
  terminal.write(question);
  return await new Promise<string>((resolve, reject) => {
    const end = (finish: () => void): void => {
      stop.removeEventListener("abort", onStop);
      terminal.write("\r\n", () => finish());
    };
    const onStop = (): void => end(() => reject(new Interrupted()));
    stop.addEventListener("abort", onStop);
    terminal.on("error", reject);
    terminal.setEncoding("utf8");
    terminal.on("data", (text: string) => {
      for (const character of text) {
        if (character === KEYS.interrupt) return onStop();
        if (character === "\r" || character === "\n" || character === KEYS.end) {
          return end(() => resolve(typed));
        }
        if (character === CLEAR_LINE) typed = "";
        else if (character === KEYS.delete || character === KEYS.backspace) {
          typed = Array.from(typed).slice(0, -1).join("");
        } else typed += character;
      }
    });
    if (stop.aborted) onStop();
  });
}
