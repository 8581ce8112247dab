/**
 * One HTTP exchange with the backend: address, token, time limits and retries. Uses web standards only, so that it runs
 * in Node, at the edge and in the browser.
 */
import { BackendError, errorFrom, UsageError, type Failure } from "./errors";
import { isRedirect, refusedRedirect } from "./redirect";
import { now, random, timer } from "./time";
import { headerText, type HeaderValue } from "./values";

export interface BackendOptions {
  /** The backend's URL, `https://host` with or without a path; a function is called at each attempt. */
  baseUrl: string | (() => string);
  /** Called before each attempt, so that a retry or reconnect does not send an expired token. */
  getToken?: (options?: { skipCache?: boolean }) => Promise<string | null> | string | null;
  /** Sent with each attempt; a function is called each time, for example for trace context. */
  headers?: Record<string, string> | (() => Record<string, string>);
  fetch?: typeof fetch;
  /** Milliseconds for one attempt including its body; by default 30 s. */
  timeout?: number;
  /** Milliseconds for the call including retries; by default 60 s. */
  deadline?: number;
  /** How often a GET, or a call with an `idempotencyKey`, is retried; by default 2. */
  retries?: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, HeaderValue>;
  timeout?: number;
  deadline?: number;
  retries?: number;
  cache?: RequestCache;
  /** Passed to Next.js's `fetch` unchanged; never put a token into a tag. */
  next?: { revalidate?: number | false; tags?: string[] };
}

export interface Exchange extends CallOptions {
  method: string;
  path: string;
  body?: unknown;
  accept?: string | undefined;
  /** Whether a redirect is read as the response; otherwise it is an error. */
  readsRedirect?: boolean;
  idempotencyKey?: string | undefined;
}

const SAFE = new Set(["GET", "HEAD"]);
const RETRYABLE_STATUS = new Set([429, 502, 503, 504]);
const BACKOFF = { first: 250, max: 8_000 };

/** Make the call, retry it where that is safe, and pass the response to `read` within the attempt's time limit. */
export async function exchange<T>(
  options: BackendOptions,
  call: Exchange,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const { retries = options.retries ?? 2, deadline = options.deadline ?? 60_000 } = call;
  const repeatable = SAFE.has(call.method) || call.idempotencyKey !== undefined;
  const end = now() + deadline;
  let skipCache = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(options, call, end, skipCache, read);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      // A rejected token was rejected before anything ran: any method may be repeated once with a fresh one.
      const refresh: boolean = error.status === 401 && !skipCache && options.getToken !== undefined;
      skipCache ||= refresh;
      if (refresh) continue;
      if (attempt >= retries || !repeatable || !isRetryable(error)) throw error;
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
    const wanted = response.ok || (call.readsRedirect === true && isRedirect(response));
    if (!wanted) throw await cut.race(failureFrom(response));
    return await cut.race(read(response));
  } catch (error) {
    throw cut.explain(error);
  } finally {
    cut.release();
  }
}

/** Make an error of a response that is no success. */
export async function failureFrom(response: Response): Promise<Failure> {
  return isRedirect(response) ? refusedRedirect(response) : await errorFrom(response);
}

/** Send one attempt and return the response, a redirect too; the caller owns its body and the signal. */
export async function send(
  options: BackendOptions,
  call: Exchange,
  skipCache: boolean,
  signal: AbortSignal,
): Promise<Response> {
  const token = await tokenFrom(options, skipCache);
  const url = baseOf(options) + call.path;
  const headers = new Headers({ accept: call.accept ?? "application/json" });
  setHeaders(headers, typeof options.headers === "function" ? options.headers() : options.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  const raw = [FormData, Blob, URLSearchParams].some((kind) => call.body instanceof kind);
  if (call.body !== undefined && !raw) headers.set("content-type", "application/json");
  setHeaders(headers, { "idempotency-key": call.idempotencyKey, ...call.headers });
  // Not followed: a POST would become a GET, and the token would go to wherever the redirect leads.
  const init: RequestInit & Pick<CallOptions, "next"> = { method: call.method, headers, signal, redirect: "manual" };
  if (call.body !== undefined) init.body = raw ? (call.body as BodyInit) : jsonText(call.body);
  if (call.next !== undefined) init.next = call.next;
  if (call.cache !== undefined) init.cache = call.cache;
  // A response for one user must not be cached for another, unless the app asks for it.
  else if (call.next?.revalidate === undefined) init.cache = "no-store";
  return await (options.fetch ?? fetch)(url, init);
}

/** The base URL without its last slash; a path alone is one of the page that is shown in a browser. */
function baseOf(options: BackendOptions): string {
  const base = typeof options.baseUrl === "function" ? options.baseUrl() : options.baseUrl;
  const hasOrigin = options.fetch !== undefined || /^https?:\/\//i.test(base);
  if (!hasOrigin && !(base.startsWith("/") && "location" in globalThis)) {
    throw new UsageError('The base URL must begin with "https://" or "http://"; a path such as "/backend" is for browsers alone.');
  }
  return base.replace(/\/+$/, "");
}

function setHeaders(headers: Headers, values: Record<string, HeaderValue> = {}): void {
  for (const [name, value] of Object.entries(values)) {
    try {
      const text = headerText(value);
      if (text !== undefined) headers.set(name, text);
    } catch (cause) {
      if (cause instanceof UsageError) throw cause;
      throw new UsageError(`The header "${name}" cannot be sent: pass text without line breaks, in Latin-1.`, cause);
    }
  }
}

function jsonText(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    const cure = "Pass a bigint as a string, and nothing that contains itself.";
    throw new UsageError(`The body cannot be written as JSON. ${cure}`, cause);
  }
}

async function tokenFrom({ getToken }: BackendOptions, skipCache: boolean): Promise<string | null> {
  try {
    return (await getToken?.(skipCache ? { skipCache } : undefined)) ?? null;
  } catch (cause) {
    throw new FromTokenSource(cause);
  }
}

/** Wraps what the app's `getToken` threw, to rethrow it unchanged: frameworks use errors for control flow. */
class FromTokenSource {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** Whether it is a control-flow error of Next.js, such as that a page cannot be prerendered; these have a digest. */
export function isControlFlow(error: unknown): boolean {
  return typeof error === "object" && error !== null && "digest" in error;
}

/** Ends one attempt at the caller's signal or the time limit, whichever comes first. */
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

  /** Restart the time limit with `budget` milliseconds. */
  restart(budget: number): void {
    clearTimeout(this.#timer);
    this.#timer = timer(budget, () => {
      this.#timedOut = true;
      this.#controller.abort(new Error("The attempt timed out."));
    });
  }

  /** Wait for `work` until the attempt ends; a token source or body reader may ignore the signal. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Return the error that ended the attempt. */
  explain(error: unknown): unknown {
    if (error instanceof BackendError || error instanceof UsageError) return error;
    if (error instanceof FromTokenSource) return error.cause;
    if (isControlFlow(error)) return error;
    if (this.#outer?.aborted) return aborted(this.#outer.reason);
    if (this.#timedOut) return new BackendError("timeout", "The backend did not respond in time.", { cause: error });
    return new BackendError("network", "The backend could not be reached.", { cause: error });
  }

  /** Release the timer, the caller's signal and the connection. */
  release(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
    if (!this.signal.aborted) this.#controller.abort();
  }
}

export function aborted(cause: unknown): Failure {
  return new BackendError("aborted", "The call was aborted.", { cause });
}

export function isRetryable(error: BackendError): boolean {
  if (error.code === "network" || error.code === "timeout" || error.code === "idempotency_in_progress") return true;
  return error.retryable && RETRYABLE_STATUS.has(error.status ?? 0);
}

/** Full jitter: a random time up to a limit that doubles, so that clients do not return all at once. */
export function backoff(attempt: number): number {
  return random() * Math.min(BACKOFF.max, BACKOFF.first * 2 ** attempt);
}

export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(waiting);
      reject(aborted(signal?.reason));
    };
    const waiting = timer(milliseconds, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
