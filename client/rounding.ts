/**
 * Ratios of decimals, rounded half to even from the exact value, as `shared/rounding.py` computes them. Numbers
 * are decimal texts, as the backend sends them; a JavaScript number cannot hold them.
 */
const LONGEST = 40;
const MOST_PLACES = 18;

/** `numerator / denominator` with exactly `places` decimals. */
export function roundRatio(numerator: string, denominator: string, places = 6): string {
  if (!Number.isInteger(places) || places < 0 || places > MOST_PLACES) {
    throw new RangeError(`places must be 0 to ${MOST_PLACES}, got ${places}.`);
  }
  const [above, aboveScale] = integer(numerator);
  const [below, belowScale] = integer(denominator);
  if (below === 0n) throw new RangeError("A ratio needs a denominator that is not zero.");
  const sign = below < 0n ? -1n : 1n;
  const scaled = divide(sign * above * ten(belowScale + places), sign * below * ten(aboveScale));
  return format(scaled, places);
}

/** `value` with exactly `places` decimals; minus zero becomes zero. */
export function roundDecimal(value: string, places: number): string {
  return roundRatio(value, "1", places);
}

/** `[n, s]` such that the number is `n / 10^s`. */
function integer(text: string): [bigint, number] {
  if (text.length > LONGEST || !/^-?[0-9]+(\.[0-9]+)?$/.test(text)) {
    throw new RangeError("Expected a decimal number such as -12.50.");
  }
  const [whole = "", fraction = ""] = text.split(".");
  return [BigInt(whole + fraction), fraction.length];
}

/** Divide integers, half to even; `below` is positive. */
function divide(above: bigint, below: bigint): bigint {
  let quotient = above / below;
  let rest = above % below;
  if (rest < 0n) {
    quotient -= 1n;
    rest += below;
  }
  const twice = 2n * rest;
  return twice > below || (twice === below && quotient % 2n !== 0n) ? quotient + 1n : quotient;
}

function ten(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

function format(scaled: bigint, places: number): string {
  const sign = scaled < 0n ? "-" : "";
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(places + 1, "0");
  const point = digits.length - places;
  return sign + digits.slice(0, point) + (places > 0 ? `.${digits.slice(point)}` : "");
}
