/**
 * The time and a random number from `performance` alone: where Next.js prerenders a server component, it fails the
 * build at `Date.now()`, `Math.random()` and `crypto`.
 */

/** Milliseconds since 1970. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

let turn = 0;

/** From 0 to below 1, to spread callers out; not for secrets. */
export function random(): number {
  turn += 1;
  // The difference tells apart callers that fail at one moment, as their sum, the time of day, would not.
  const noise = Math.sin(performance.timeOrigin - performance.now() - turn) * 10_000;
  return noise - Math.floor(noise);
}
