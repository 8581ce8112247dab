/**
 * Time, timers and random numbers, the numbers from `performance` only: where Next.js prerenders a server component, `Date.now()`,
 * `Math.random()` and `crypto` fail the build.
 */

/** Milliseconds since 1970. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The longest time that a timer takes; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Call `then` after some milliseconds, at the latest after 24 days. */
export function timer(milliseconds: number, then: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(then, Math.min(Math.max(0, milliseconds), LONGEST_TIMER));
}

let calls = 0;

/** A number from 0 to below 1, for jitter; not for secrets. */
export function random(): number {
  calls += 1;
  // The difference varies between callers that fail at the same moment; the sum, the time of day, would not.
  const noise = Math.sin(performance.timeOrigin - performance.now() - calls) * 10_000;
  return noise - Math.floor(noise);
}
