/**
 * One HTTP exchange with the backend: address, token, time limits, and the judgement when to try again.
 * Only web standards are used, so the same file runs in Node, at the edge and in the browser.
 */
import { BackendError, errorFrom, type Failure } from "./errors";
import { now, random } from "./time";

export interface BackendOptions {
  /** Where the backend is, `https://host` with or without a path; a function is asked at every attempt. */
  baseUrl: string | (() => string);
  /** Asked before every attempt, so that a retry or a reconnect never carries an expired token. */
  getToken?: (options?: { skipCache?: boolean }) => Promise<string | null> | string | null;
  /** Added to every attempt; a function is asked each time (trace context, for one). */
  headers?: Record<string, string> | (() => Record<string, string>);
  fetch?: typeof fetch;
  /** Milliseconds for one attempt, its body included; 30 s unless told. */
  timeout?: number;
  /** Milliseconds for the whole call with its retries; 60 s unless told. */
  deadline?: number;
  /** How often a call that is safe to repeat is tried again; 2 unless told. */
  retries?: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  timeout?: number;
  deadline?: number;
  retries?: number;
  cache?: RequestCache;
  /** Handed to Next.js's `fetch` as it is; never put a token into a tag. */
  next?: { revalidate?: number | false; tags?: string[] };
}

export interface Exchange extends CallOptions {
  method: string;
  path: string;
  body?: unknown;
  accept?: string;
}

const SAFE = new Set(["GET", "HEAD"]);
const WORTH_REPEATING = new Set([429, 502, 503, 504]);
const BACKOFF = { first: 250, most: 8_000 };

/** Make the call, repeating it where that is safe, and hand each attempt's answer to `read` under its time limit. */
export async function exchange<T>(
  options: BackendOptions,
  call: Exchange,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const { retries = options.retries ?? 2, deadline = options.deadline ?? 60_000 } = call;
  const repeatable = SAFE.has(call.method);
  const end = now() + deadline;
  let skipCache = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(options, call, end, skipCache, read);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      // A refused token was refused before anything ran: a fresh one may be tried, once, for any method.
      const refresh: boolean = error.status === 401 && !skipCache && options.getToken !== undefined;
      skipCache ||= refresh;
      if (refresh) continue;
      if (attempt >= retries || !repeatable || !isWorthRepeating(error)) throw error;
      const wait = Math.max(backoff(attempt), error.retryAfter ?? 0);
      if (now() + wait >= end) throw error;
      await pause(wait, call.signal);
    }
  }
}

async function once<T>(
  options: BackendOptions,
  call: Exchange,
  end: number,
  skipCache: boolean,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const budget = Math.min(call.timeout ?? options.timeout ?? 30_000, end - now());
  const cut = new Cut(call.signal, budget);
  try {
    const response = await cut.race(send(options, call, skipCache, cut.signal));
    if (!response.ok) throw await cut.race(errorFrom(response));
    return await cut.race(read(response));
  } catch (error) {
    throw cut.explain(error);
  } finally {
    cut.release();
  }
}

/** Start one attempt and return its answer's head; the caller owns the body and the signal. */
export async function send(
  options: BackendOptions,
  call: Exchange,
  skipCache: boolean,
  signal: AbortSignal,
): Promise<Response> {
  const token = await tokenFrom(options, skipCache);
  const base = typeof options.baseUrl === "function" ? options.baseUrl() : options.baseUrl;
  const raw = call.body instanceof FormData || call.body instanceof Blob;
  const headers = new Headers(typeof options.headers === "function" ? options.headers() : options.headers);
  headers.set("accept", call.accept ?? "application/json");
  if (token) headers.set("authorization", `Bearer ${token}`);
  if (call.body !== undefined && !raw) headers.set("content-type", "application/json");
  for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);
  const init: RequestInit & Pick<CallOptions, "next"> = { method: call.method, headers, signal };
  if (call.body !== undefined) init.body = raw ? (call.body as BodyInit) : JSON.stringify(call.body);
  if (call.next !== undefined) init.next = call.next;
  if (call.cache !== undefined) init.cache = call.cache;
  // What one person may see must not be kept for the next, unless the app says so.
  else if (call.next?.revalidate === undefined) init.cache = "no-store";
  return await (options.fetch ?? fetch)(base.replace(/\/+$/, "") + call.path, init);
}

async function tokenFrom({ getToken }: BackendOptions, skipCache: boolean): Promise<string | null> {
  try {
    return (await getToken?.(skipCache ? { skipCache } : undefined)) ?? null;
  } catch (cause) {
    throw new FromTokenSource(cause);
  }
}

/** Carries what the app's own `getToken` threw past our judgement: frameworks steer by such errors. */
class FromTokenSource {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** Whether Next.js threw it, from its `fetch`, to steer: such as that a page cannot be prerendered. It marks them so. */
export function isFrameworks(error: unknown): boolean {
  return typeof error === "object" && error !== null && "digest" in error;
}

/** One attempt's end, whichever comes first: the caller's signal or the time limit. */
export class Cut {
  readonly signal: AbortSignal;
  #controller = new AbortController();
  #timedOut = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #outer: AbortSignal | undefined;
  #abort = () => this.#controller.abort(this.#outer?.reason);
  #ended: Promise<never>;

  constructor(outer: AbortSignal | undefined, budget: number) {
    this.signal = this.#controller.signal;
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason as Error), { once: true });
    });
    this.#ended.catch((): void => undefined);
    this.#outer = outer;
    if (outer?.aborted) this.#abort();
    outer?.addEventListener("abort", this.#abort, { once: true });
    this.restart(budget);
  }

  /** Give it `budget` milliseconds from now. */
  restart(budget: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#controller.abort(new Error("The time for this attempt is used up."));
    }, Math.max(0, budget));
  }

  /** Wait for `work`, but never past the end: a token source or a body reader may not heed the signal. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Name what ended the attempt. */
  explain(error: unknown): unknown {
    if (error instanceof BackendError || error instanceof UsageError) return error;
    if (error instanceof FromTokenSource) return error.cause;
    if (isFrameworks(error)) return error;
    if (this.#outer?.aborted) return aborted(this.#outer.reason);
    if (this.#timedOut) return new BackendError("timeout", "The backend did not answer in time.", { cause: error });
    return new BackendError("network", "The backend could not be reached.", { cause: error });
  }

  /** Let go of the timer, the caller's signal and the connection. */
  release(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
    if (!this.signal.aborted) this.#controller.abort();
  }
}

/** A mistake in the calling code, found before anything was sent. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
}

export function aborted(cause: unknown): Failure {
  return new BackendError("aborted", "The call was aborted.", { cause });
}

export function isWorthRepeating(error: BackendError): boolean {
  return error.code === "network" || error.code === "timeout" || WORTH_REPEATING.has(error.status ?? 0);
}

/** Full jitter: any time up to the doubling bound, so that many clients do not come back at once. */
export function backoff(attempt: number): number {
  return random() * Math.min(BACKOFF.most, BACKOFF.first * 2 ** attempt);
}

export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(aborted(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
