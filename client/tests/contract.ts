/** A small contract that the tests call, in the shape `annex client` writes. */
import { BackendApiClient, type BackendOptions, type ErrorCode } from "../index";

export interface Signal {
  symbol: string;
  value: string;
}

export interface Routes {
  get: {
    "/signals": { query?: { limit?: number | undefined; since?: string | Date | undefined; symbol?: string[] | undefined }; response: Signal[]; errors: ErrorCode };
    "/signals/{symbol}": { path: { symbol: string }; response: Signal; errors: "not_found" | "unauthenticated" };
    "/history": { query?: { symbol?: string | undefined; cursor?: string | undefined }; response: { items: Signal[]; nextCursor: string | null }; open: true; errors: never };
    "/files/{...path}": { path: { path: string }; response: string; errors: never };
    "/report": { content: "text"; errors: "not_found" };
    "/moved": { redirects: true; errors: never };
    "/download": { content: "binary"; redirects: true; errors: never };
    "/logo": { content: "binary"; errors: never };
    "/quotes": { headers: { "X-Api-Key": string; "X-Depth"?: number | undefined; "X-Since"?: string | Date | undefined; "X-Tag"?: string[] | undefined }; response: string; errors: never };
  };
  post: {
    "/orders": { body: Signal; idempotencyKey?: string | undefined; response: Signal; errors: "idempotency_in_progress" };
    "/checkout": { body: Signal; redirects: true; response: Signal; errors: never };
    "/reports": { form: { title: string; file?: Blob; pages?: Blob[]; urgent?: boolean; tags?: string[] } | FormData; response: string; errors: never };
    "/signals": { body: Signal; response: Signal; errors: "invalid_input" | "conflict" };
  };
  put: object;
  patch: object;
  delete: { "/signals/{symbol}": { path: { symbol: string }; response: undefined; errors: "not_found" } };
}

export type Ticks = { type: "tick"; n: number } | { type: "done"; usage?: number };

export type Runs = { type: "run"; run: { id: string; progress: number } } | { type: "done" };

export interface Streams {
  get: {
    "/live": { query?: { symbol?: string | undefined }; events: Ticks; errors: "forbidden" };
    "/runs/{id}/events": { path: { id: string }; events: Runs; errors: "not_found" };
  };
  post: { "/runs": { body: { task: string }; events: Ticks; errors: "invalid_input" } };
  put: object;
  patch: object;
  delete: object;
}

export function client(baseUrl: string, options: Partial<BackendOptions> = {}): BackendApiClient<Routes, Streams> {
  return new BackendApiClient<Routes, Streams>({ baseUrl, ...options });
}
