/** Returns the names of the flags set, lowest bit first; an unnamed bit gives its value. Equal bits give the same object. */
export function flagNames(
  flags: Readonly<Record<string, number>>,
): (bits: number) => readonly string[] {
  const names = new Map(Object.entries(flags).map(([name, bit]) => [bit, name]));
  const known: (readonly string[])[] = [];
  return (bits) => (known[bits] ??= namesOf(bits, names));
}

function namesOf(bits: number, names: ReadonlyMap<number, string>): readonly string[] {
  const found: string[] = [];
  for (let bit = 1; bit <= bits; bit <<= 1) {
    if ((bits & bit) !== 0) found.push(names.get(bit) ?? `0x${bit.toString(16)}`);
  }
  return found;
}
