/**
 * Ratios of decimals, rounded half to even from the exact value, as `shared/rounding.py` computes them. Numbers
 * are decimal strings, as the backend sends them; a JavaScript number cannot represent them exactly.
 */
/** Characters. */
const NUMBER_LIMIT = 40;
const MAX_PLACES = 18;
// Not written 0n: that literal does not compile for ES2017.
const [ZERO, ONE, TWO, TEN] = [BigInt(0), BigInt(1), BigInt(2), BigInt(10)];

/** `numerator / denominator` with exactly `places` decimals. */
export function roundRatio(numerator: string, denominator: string, places = 6): string {
  if (!Number.isInteger(places) || places < 0 || places > MAX_PLACES) {
    throw new RangeError(`places must be 0 to ${MAX_PLACES}, got ${places}.`);
  }
  const [above, aboveScale] = integer(numerator);
  const [below, belowScale] = integer(denominator);
  if (below === ZERO) throw new RangeError("The denominator must not be zero.");
  const sign = below < ZERO ? -ONE : ONE;
  const scaled = divide(sign * above * ten(belowScale + places), sign * below * ten(aboveScale));
  return format(scaled, places);
}

/** `value` with exactly `places` decimals; minus zero becomes zero. */
export function roundDecimal(value: string, places: number): string {
  return roundRatio(value, "1", places);
}

/** Return `[n, s]` such that the number is `n / 10^s`. */
function integer(text: string): [bigint, number] {
  if (text.length > NUMBER_LIMIT || !/^-?[0-9]+(\.[0-9]+)?$/.test(text)) {
    throw new RangeError("Expected a decimal number such as -12.50.");
  }
  const [whole = "", fraction = ""] = text.split(".");
  return [BigInt(whole + fraction), fraction.length];
}

/** Divide integers, half to even; `below` is positive. */
function divide(above: bigint, below: bigint): bigint {
  let quotient = above / below;
  let rest = above % below;
  if (rest < ZERO) {
    quotient -= ONE;
    rest += below;
  }
  const twice = TWO * rest;
  return twice > below || (twice === below && quotient % TWO !== ZERO) ? quotient + ONE : quotient;
}

function ten(exponent: number): bigint {
  return TEN ** BigInt(exponent);
}

function format(scaled: bigint, places: number): string {
  const sign = scaled < ZERO ? "-" : "";
  const digits = (scaled < ZERO ? -scaled : scaled).toString().padStart(places + 1, "0");
  const point = digits.length - places;
  return sign + digits.slice(0, point) + (places > 0 ? `.${digits.slice(point)}` : "");
}
