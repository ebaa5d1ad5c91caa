/** Numbers to print, from a source of numbers from 0 to below 1. */

/** Of any bits, but for NaN and the infinities. */
export function randomFloats(random: () => number, width: 4 | 8, count: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  const floats = Array.from({ length: count }, () => {
    view.setUint32(0, random() * 2 ** 32);
    view.setUint32(4, random() * 2 ** 32);
    return width === 4 ? view.getFloat32(0) : view.getFloat64(0);
  });
  return floats.filter((value) => Number.isFinite(value));
}

/** Where an algorithm goes wrong if it does: powers of two with their neighbours, and what lies halfway between two. */
export function oddFloat8s(): number[] {
  const view = new DataView(new ArrayBuffer(8));
  const floats: number[] = [];
  for (let power = -1074; power < 1024; power++) {
    view.setFloat64(0, 2 ** power);
    const bits = view.getBigUint64(0);
    for (const neighbour of [-2n, -1n, 0n, 1n, 2n]) {
      if (bits + neighbour < 0n) continue;
      view.setBigUint64(0, bits + neighbour);
      floats.push(view.getFloat64(0));
    }
  }
  for (let power = 0; power < 45; power++) {
    for (let digits = 1; digits < 1000; digits += 2) floats.push(digits * 10 ** power);
  }
  return floats;
}

/** The same of single precision. */
export function oddFloat4s(): number[] {
  const view = new DataView(new ArrayBuffer(4));
  const floats: number[] = [];
  for (let power = -149; power < 128; power++) {
    view.setFloat32(0, 2 ** power);
    const bits = view.getUint32(0);
    for (const neighbour of [-2, -1, 0, 1, 2]) {
      if (bits + neighbour < 0) continue;
      view.setUint32(0, bits + neighbour);
      floats.push(view.getFloat32(0));
    }
  }
  for (let power = 0; power < 36; power++) {
    for (let digits = 1; digits < 200; digits++) floats.push(Math.fround(digits * 10 ** power));
  }
  return floats;
}

/** With runs of zeros, and an exponent at times. */
export function randomNumeric(random: () => number): string {
  const digits = (): string =>
    Array.from({ length: Math.floor(random() * 30) }, () =>
      random() < 0.4 ? "0" : Math.floor(random() * 10),
    ).join("");
  const exponent = random() < 0.5 ? "" : `e${Math.floor(random() * 80 - 40)}`;
  return `${random() < 0.5 ? "-" : ""}${digits()}0.${digits()}${exponent}`;
}
