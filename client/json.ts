/** Parses the backend's JSON; throws where JavaScript would silently change a value. */

/** Parse JSON; throws a `RangeError` for an integer beyond 2^53: a rounded id or amount is worse than an error. */
export function parse(text: string): unknown {
  return MAYBE_UNSAFE.test(text) ? JSON.parse(text, refuseUnsafe) : JSON.parse(text);
}

/** A cheap test: only when it matches is every number checked. */
const MAYBE_UNSAFE = /\d{16}/;

function refuseUnsafe(key: string, value: unknown): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`The integer in "${key}" is beyond 2^53; the backend must send it as a string.`);
  }
  return value;
}
