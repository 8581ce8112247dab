/** Written by `annex client`; changes made here are lost. */

/** Every code an error answer can carry. */
export const errorCodes = {
  /** Agents cannot work in this process: no model is configured, or the extra is not installed. */
  agents_unavailable: { status: 503, retryable: true },
  /** No usable key to verify a token with: our trouble, so never 401. */
  auth_unavailable: { status: 503, retryable: true },
  /** The body is over its limit (bytes). */
  body_too_large: { status: 413, retryable: false },
  /** The state of the resource forbids it. */
  conflict: { status: 409, retryable: false },
  /** The database cannot be reached, or every connection stayed busy for the whole acquire budget. */
  database_unavailable: { status: 503, retryable: true },
  /** The time for this call is used up. */
  deadline_exceeded: { status: 504, retryable: true },
  /** The credential is good, but may not do this. */
  forbidden: { status: 403, retryable: false },
  /** The file behind this route is quarantined; `error_id` finds its cause in the log. */
  function_unavailable: { status: 503, retryable: true },
  /** The request's headers are over their limit in count or bytes. */
  headers_too_large: { status: 431, retryable: false },
  /** Our own mistake; the caller learns only the ids that find it in the log. */
  internal_error: { status: 500, retryable: false },
  /** The input does not fit what the function asked for. */
  invalid_input: { status: 400, retryable: false },
  /** The input cannot be read at all: broken JSON, invalid UTF-8, nesting without end. */
  malformed_request: { status: 400, retryable: false },
  /** The URL exists, but not for this method. */
  method_not_allowed: { status: 405, retryable: false },
  /** The model provider fails, refuses or breaks off; never carries what the provider said. */
  model_unavailable: { status: 503, retryable: true },
  /** There is no such thing: `NotFound("signal", symbol)`. */
  not_found: { status: 404, retryable: false },
  /** The queue in front of this function, or of the service, is full. */
  overloaded: { status: 503, retryable: true },
  /** Over a limit that belongs to this caller. */
  rate_limited: { status: 429, retryable: true },
  /** The request did not arrive in time. */
  request_timeout: { status: 408, retryable: false },
  /** An agent run ended with the server that played it. */
  run_lost: { status: 503, retryable: true },
  /** This instance stops; the same call can be made again at another one. */
  shutting_down: { status: 503, retryable: true },
  /** The caller, or the process, already has as many agent runs under way as it may. */
  too_many_runs: { status: 429, retryable: true },
  /** No credential, or one that is not accepted. */
  unauthenticated: { status: 401, retryable: false },
  /** Something needed for the answer is not there now. Carries `retry_after`, 1 second unless told. */
  unavailable: { status: 503, retryable: true },
  /** The body is not of a content type that this function reads. */
  unsupported_media_type: { status: 415, retryable: false },
  /** The URL is over its limit (bytes). */
  uri_too_long: { status: 414, retryable: false },
} as const;
export type ErrorCode = keyof typeof errorCodes;

/** Permissions that functions ask for. */
export const permissions = ["org:signals:delete", "org:signals:write"] as const;
export type Permission = (typeof permissions)[number];

/** What both sides must agree on: header names, limits, the members of each enum by name. */
export const constants = {
  "headers": {
    "requestId": "X-Request-Id",
    "lastEventId": "Last-Event-ID"
  },
  "limits": {
    "bodyBytes": 1048576,
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
