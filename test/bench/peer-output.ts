/** What the drivers of the npm packages have in common. They run as copies, elsewhere: nothing of walctl is imported. */

const BATCH_LENGTH = 64 * 1024;

/** JSON lines to standard output, many to a write, as any careful user of those packages would. */
export class JsonLines {
  #lines = "";

  /** True: the reader is behind; whoever can wait does so with drained(). */
  print(value: unknown): boolean {
    this.#lines += `${JSON.stringify(value)}\n`;
    return this.#lines.length >= BATCH_LENGTH && this.flush();
  }

  flush(): boolean {
    const lines = this.#lines;
    this.#lines = "";
    return lines !== "" && !process.stdout.write(lines);
  }

  async drained(): Promise<void> {
    await new Promise((resolve) => process.stdout.once("drain", resolve));
  }

  /** Ends the process when all has been written. */
  end(): void {
    process.stdout.write(this.#lines, () => process.exit(0));
  }
}

/** The workload's last row, in the table that environment.ts names so. */
export const END_TABLE = "bench_end";

/** In a variable, since the packages are not installed where this is compiled. */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(name)) as Module;
}
