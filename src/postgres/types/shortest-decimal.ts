/** d.ddd × 10^exponent */
export interface Decimal {
  /** Without leading or trailing zeros. */
  readonly digits: string;
  readonly exponent: number;
}

const LOG10_OF_2 = Math.log10(2);

/**
 * The shortest decimal that reads back as mantissa × 2^exponent; among several the closest (Steele and White's
 * free-format algorithm, in whole numbers). The server accepts no decimal exactly halfway to a neighbour
 * (STRICTLY_SHORTEST is off in its d2s.c), but JavaScript does: they differ for 2^k with large k.
 *
 * @param closerBelow the neighbour below is half as far as the one above: the mantissa is a power of two
 */
export function shortestDecimal(mantissa: bigint, exponent: number, closerBelow: boolean): Decimal {
  const shift = closerBelow ? 2n : 1n;
  const up = BigInt(Math.max(exponent, 0));
  // The number is rest / scale; half the distances to its neighbours are above / scale and below / scale.
  let rest = mantissa << (up + shift);
  let scale = 1n << (BigInt(Math.max(-exponent, 0)) + shift);
  let below = 1n << up;
  let above = closerBelow ? below * 2n : below;

  // The estimate may be one too small, never too large.
  let power = Math.ceil(Math.log10(Number(mantissa)) + exponent * LOG10_OF_2 - 1e-10);
  if (power >= 0) {
    scale *= 10n ** BigInt(power);
  } else {
    const factor = 10n ** BigInt(-power);
    rest *= factor;
    above *= factor;
    below *= factor;
  }
  if (rest + above > scale) {
    scale *= 10n;
    power++;
  }

  let digits = "";
  for (;;) {
    rest *= 10n;
    above *= 10n;
    below *= 10n;
    const digit = rest / scale;
    rest %= scale;
    const lowEnough = rest < below;
    const highEnough = rest + above > scale;
    if (!lowEnough && !highEnough) {
      digits += digit;
      continue;
    }
    digits += lowEnough && (!highEnough || roundsDown(rest, scale, digit)) ? digit : digit + 1n;
    return { digits, exponent: power - 1 };
  }
}

/** A tie rounds to the even digit. */
function roundsDown(rest: bigint, scale: bigint, digit: bigint): boolean {
  const twice = rest * 2n;
  return twice < scale || (twice === scale && digit % 2n === 0n);
}
