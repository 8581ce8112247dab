/**
 * The time and random numbers from `performance` only: where Next.js prerenders a server component, `Date.now()`,
 * `Math.random()` and `crypto` fail the build.
 */

/** Milliseconds since 1970. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

let calls = 0;

/** A number from 0 to below 1, for jitter; not for secrets. */
export function random(): number {
  calls += 1;
  // The difference varies between callers that fail at the same moment; the sum, the time of day, would not.
  const noise = Math.sin(performance.timeOrigin - performance.now() - calls) * 10_000;
  return noise - Math.floor(noise);
}
