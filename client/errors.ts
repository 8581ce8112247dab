/**
 * Errors of calls: one class and a discriminated union whose `code` narrows the rest.
 */
import type { FieldError, Problem } from "./schema";
import { now } from "./time";
import { errorCodes, type ErrorCode } from "./vocabulary";

/** Errors that the client itself detects. */
export type LocalCode =
  | "network" // no response: connection refused or reset, DNS, CORS
  | "timeout" // no complete response in time
  | "aborted" // aborted by the caller's AbortSignal
  | "protocol" // a response that violates the contract, such as a redirect that no function declares
  | "stream_interrupted" // a stream ended without a terminal event and could not be resumed
  | "unknown"; // an error response with an unknown code, or without a problem document

export type FailureCode = ErrorCode | LocalCode;

interface Details {
  status?: number | undefined;
  problem?: Problem | undefined;
  requestId?: string | undefined;
  retryAfter?: number | undefined;
  retryable?: boolean | undefined;
  cause?: unknown;
}

export class BackendError<C extends FailureCode = FailureCode> extends Error {
  override readonly name = "BackendError";
  readonly code: C;
  /** The HTTP status, undefined without a response. */
  readonly status: number | undefined;
  readonly problem: Problem | undefined;
  /** Quote it in a bug report: it finds the request in the backend's log. */
  readonly requestId: string | undefined;
  /** Milliseconds to wait before a retry, as the backend asked. */
  readonly retryAfter: number | undefined;
  /** Whether the same call can succeed later: as the backend says, or else as its code does. */
  readonly retryable: boolean;

  constructor(code: C, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.problem = details.problem;
    this.requestId = details.requestId ?? details.problem?.request_id;
    this.retryAfter = details.retryAfter;
    this.retryable = details.retryable ?? canSucceedLater(code, details.status);
  }

  /** The invalid fields; empty for other errors. */
  get errors(): readonly FieldError[] {
    return this.problem?.errors ?? [];
  }
}

function canSucceedLater(code: FailureCode, status = 0): boolean {
  if (isErrorCode(code)) return errorCodes[code].retryable;
  if (code === "unknown") return status === 429 || status >= 502;
  return code === "network" || code === "timeout" || code === "stream_interrupted";
}

/** The union of errors with these codes; `switch (error.code)` narrows it and can be exhaustive. */
export type Failure<C extends FailureCode = FailureCode> = C extends FailureCode ? BackendError<C> : never;

/** Narrow a caught value to a `BackendError`, or to the one with this code. */
export function isBackendError(error: unknown): error is Failure;
export function isBackendError<C extends FailureCode>(error: unknown, code: C): error is BackendError<C>;
export function isBackendError(error: unknown, code?: FailureCode): boolean {
  return error instanceof BackendError && (code === undefined || error.code === code);
}

/** A mistake in the calling code, detected before anything is sent. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** What Clerk's `useReverification()` waits for. */
export interface ReverificationHint {
  clerk_error: { type: "forbidden"; reason: "reverification-error"; metadata?: unknown };
}

/**
 * Make a call for Clerk's `useReverification()`: a refusal for an old sign-in is returned as the object that the hook
 * waits for, instead of thrown. The hook lets the user verify, and calls again.
 */
export async function reverifiable<T>(call: PromiseLike<T>): Promise<T | ReverificationHint> {
  try {
    return await call;
  } catch (error) {
    const hint = isBackendError(error, "forbidden") ? (error.problem as Partial<ReverificationHint> | undefined)?.clerk_error : undefined;
    if (!hint) throw error;
    return { clerk_error: hint };
  }
}

/** Make an error of a response: of a problem document, a proxy's HTML page or an empty body. */
export async function errorFrom(response: Response): Promise<Failure> {
  const text = await response.text().catch(() => "");
  const problem = parseProblem(text);
  const details = {
    status: response.status,
    problem,
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfter: retryAfter(response.headers.get("retry-after")),
  };
  const code = problem && isErrorCode(problem.code) ? problem.code : "unknown";
  return new BackendError(code, problem?.detail ?? `The backend responded with status ${response.status}.`, details) as Failure;
}

/** Convert a Retry-After header (seconds or an HTTP date) to milliseconds. */
export function retryAfter(value: string | null): number | undefined {
  if (!value) return undefined;
  const delay = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now();
  return Number.isNaN(delay) ? undefined : Math.max(0, delay);
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isProblem = typeof value === "object" && value !== null && "code" in value && "detail" in value;
    return isProblem ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}
