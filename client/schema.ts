/** Written by `annex client` from the functions' signatures; changes made here are lost. */

/** What any route may answer. */
export type Everywhere = "auth_unavailable" | "body_too_large" | "conflict" | "database_unavailable" | "deadline_exceeded" | "forbidden" | "function_unavailable" | "headers_too_large" | "internal_error" | "invalid_input" | "malformed_request" | "method_not_allowed" | "not_found" | "overloaded" | "rate_limited" | "unauthenticated" | "unavailable" | "unsupported_media_type" | "uri_too_long";

/** What each path answers, by method. */
export interface Routes {
  get: object;
  post: object;
  put: object;
  patch: object;
  delete: object;
}

/** The event streams, by method. */
export interface Streams {
  get: object;
  post: object;
  put: object;
  patch: object;
  delete: object;
}
