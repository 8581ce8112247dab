/** The client; `server.ts` and `browser.tsx` create one that sends the signed-in user's token. */
export * from "./backend";
export * from "./errors";
export type * from "./schema";
export { EventStream, type StreamOptions } from "./stream";
export { UsageError, type BackendOptions, type CallOptions } from "./transport";
export * from "./vocabulary";
