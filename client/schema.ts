/** Written by `annex client` from the functions' signatures; changes made here are lost. */

/** One thing wrong with one input. */
export interface FieldError {
  /** where it was: `body`, `query`, `path` or `header`. */
  location: string;
  /** dotted path inside the location, `""` for the whole of it. */
  field: string;
  /** what was expected. */
  message: string;
}

/** The service's card. */
export interface Index {
  name: string;
  version: string;
  links: { [key: string]: string };
}

/** The caller, as the verified token describes them. */
export interface Me {
  user_id: string;
  session_id: string | null;
  organization_id: string | null;
  role: string | null;
  permissions: string[];
}

/** The document (RFC 9457) with our extension members. */
export interface Problem {
  /** `urn:annex:problem:<code>`. */
  type: string;
  /** the status in words. */
  title: string;
  /** the HTTP status. */
  status: number;
  /** one sentence for the caller. */
  detail: string;
  /** stable name to branch on. */
  code: string;
  /** finds the request in the log. */
  request_id: string;
  /** finds it in the traces, empty when it is not traced. */
  trace_id: string;
  /** every thing wrong with the input. */
  errors?: FieldError[];
}

/** What any route may answer. */
export type Everywhere = "deadline_exceeded" | "function_unavailable" | "headers_too_large" | "internal_error" | "malformed_request" | "overloaded" | "unavailable" | "uri_too_long";

/** What each path answers, by method. */
export interface Routes {
  get: {
    /** Name, version and links */
    "/": {
      response: Index;
      errors: Everywhere;
    };
    /** Return the caller's ids, role and permissions. */
    "/me": {
      response: Me;
      errors: Everywhere | "auth_unavailable" | "forbidden" | "unauthenticated";
    };
  };
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
