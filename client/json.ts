/** JSON as the backend writes it, refused where JavaScript would silently change a value. */

/** Parse; an integer beyond 2^53 throws, because rounding an id or an amount is worse than failing. */
export function parse(text: string): unknown {
  return MAYBE_UNSAFE.test(text) ? JSON.parse(text, refuseUnsafe) : JSON.parse(text);
}

/** Cheap to rule out: only then is every number looked at. */
const MAYBE_UNSAFE = /\d{16}/;

function refuseUnsafe(key: string, value: unknown): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`The integer in "${key}" is beyond 2^53; the backend must send it as text.`);
  }
  return value;
}
