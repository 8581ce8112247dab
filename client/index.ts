/** The client; `server.ts` and `browser.tsx` create one that sends the signed-in user's token. */
// By name, so that a type of a function that has the same name stays in ./schema and breaks no build.
export { BackendApiClient, createBackend, createPublicBackend, fill } from "./backend";
export type { Call, Called, Errors, Events, FileCall, Health, Input, Method, Open, PublicBackend, RedirectCall, Response, Result, Route, RouteTable, TextCall } from "./backend";
export { BackendError, errorFrom, isBackendError, isErrorCode, retryAfter, reverifiable, UsageError } from "./errors";
export type { Failure, FailureCode, LocalCode, ReverificationHint } from "./errors";
export { Redirected } from "./redirect";
export type * from "./schema";
export { EventStream, type StreamOptions } from "./stream";
export type { BackendOptions, CallOptions } from "./transport";
export { constants, errorCodes, permissions, type ErrorCode, type Permission } from "./vocabulary";
export { search } from "./values";
