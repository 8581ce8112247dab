/** Written by `annex client`; do not edit. */

/** Every code of an error response. */
export const errorCodes = {
  /** Agents are unavailable: no model is configured, or the extra is not installed. */
  agents_unavailable: { status: 503, statuses: [503], retryable: true },
  /** No key is available to verify tokens with; the credential itself was not judged. */
  auth_unavailable: { status: 503, statuses: [503], retryable: true },
  /** The body exceeds its limit in bytes. */
  body_too_large: { status: 413, statuses: [413], retryable: false },
  /** The request conflicts with the current state of the resource. */
  conflict: { status: 409, statuses: [409], retryable: false },
  /** The database cannot be reached, or no connection became free in time. */
  database_unavailable: { status: 503, statuses: [503], retryable: true },
  /** The call did not finish before its deadline. */
  deadline_exceeded: { status: 504, statuses: [504], retryable: true },
  /** The credential is valid, but lacks the permission. */
  forbidden: { status: 403, statuses: [403], retryable: false },
  /** The process of an isolated function ended during the call; the cause is in the log. */
  function_crashed: { status: 500, statuses: [500], retryable: false },
  /** The function held the event loop for too long and was interrupted; the log names the line. */
  function_stalled: { status: 500, statuses: [500], retryable: false },
  /** The file behind this route is quarantined; `error_id` finds the cause in the log. */
  function_unavailable: { status: 503, statuses: [503], retryable: true },
  /** The request's headers exceed their limit in number or bytes. */
  headers_too_large: { status: 431, statuses: [431], retryable: false },
  /** The first call with this `Idempotency-Key` still runs; the same call can be sent again. */
  idempotency_in_progress: { status: 409, statuses: [409], retryable: true },
  /** The `Idempotency-Key` was given before, with another method, URL or body. */
  idempotency_key_reused: { status: 422, statuses: [422], retryable: false },
  /** A bug in the service; the ids in the response find it in the log. */
  internal_error: { status: 500, statuses: [500], retryable: false },
  /** The input is invalid; `errors` lists every field. */
  invalid_input: { status: 400, statuses: [400], retryable: false },
  /** The input cannot be parsed: invalid JSON or UTF-8, or too deeply nested. */
  malformed_request: { status: 400, statuses: [400], retryable: false },
  /** The URL exists, but not for this method. */
  method_not_allowed: { status: 405, statuses: [405], retryable: false },
  /** The model provider failed, refused the request or broke off its response. */
  model_unavailable: { status: 503, statuses: [503], retryable: true },
  /** The resource does not exist. */
  not_found: { status: 404, statuses: [404], retryable: false },
  /** The isolated function needed more memory than its process may take. */
  out_of_memory: { status: 503, statuses: [503], retryable: true },
  /** 409: The first call with this `Idempotency-Key` ended without an answer that is known; it may be saved. 503: The database connection was lost, or this instance stopped, during a change: it may be saved. */
  outcome_unknown: { status: 503, statuses: [409, 503], retryable: false },
  /** This function, or the service, is at its limit of requests at once and its queue is full. */
  overloaded: { status: 503, statuses: [503], retryable: true },
  /** What the caller names in `If-Match` or `If-Unmodified-Since` is no longer so. */
  precondition_failed: { status: 412, statuses: [412], retryable: false },
  /** A part behind the end of the body was asked for. */
  range_not_satisfiable: { status: 416, statuses: [416], retryable: false },
  /** The caller exceeded a rate limit. */
  rate_limited: { status: 429, statuses: [429], retryable: true },
  /** The function refused with a status of its own, which no other code stands for. */
  refused: { status: 400, statuses: [400], retryable: false },
  /** The request did not arrive in time. */
  request_timeout: { status: 408, statuses: [408], retryable: false },
  /** The server that executed the agent run is gone, and the run with it. */
  run_lost: { status: 503, statuses: [503], retryable: true },
  /** This instance is shutting down; the same request can be sent again to another one. */
  shutting_down: { status: 503, statuses: [503], retryable: true },
  /** The caller, or the process, has reached its limit of agent runs at once. */
  too_many_runs: { status: 429, statuses: [429], retryable: true },
  /** The credential is missing or invalid. */
  unauthenticated: { status: 401, statuses: [401], retryable: false },
  /** The service, or something that it depends on, is temporarily unavailable. */
  unavailable: { status: 503, statuses: [503], retryable: true },
  /** The content type of the body is not supported here. */
  unsupported_media_type: { status: 415, statuses: [415], retryable: false },
  /** A WebSocket was asked for, which the service does not speak. */
  upgrade_required: { status: 426, statuses: [426], retryable: false },
  /** The URL exceeds its limit in bytes. */
  uri_too_long: { status: 414, statuses: [414], retryable: false },
} as const;
export type ErrorCode = keyof typeof errorCodes;

/** Permissions that functions require. */
export const permissions = ["org:signals:delete", "org:signals:write"] as const;
export type Permission = (typeof permissions)[number];

/** Header names, limits and the members of each enum by name, as on the backend. */
export const constants = {
  "headers": {
    "requestId": "X-Request-Id",
    "lastEventId": "Last-Event-ID"
  },
  "limits": {
    "bodyBytes": 1048576,
    "eventBytes": 1048576,
    "timeoutSeconds": 25,
    "heartbeatSeconds": 15.0
  },
  "enums": {
    "Regime": {
      "NEUTRAL": "NEUTRAL",
      "RISK_OFF": "RISK_OFF",
      "RISK_ON": "RISK_ON"
    }
  }
} as const;
