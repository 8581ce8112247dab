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

/** One reading on the time line of an instrument. */
export interface HistoryPoint {
  observedAt: string;
  regime: Regime;
  /** Format: decimal. */
  value: string;
  confidence: number;
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

/** A reading to record; `value` below a trillion, with six decimals kept. */
export interface NewSignal {
  /** Such as SPY or HYG-LQD */
  symbol: string;
  regime: Regime;
  /** Format: decimal. */
  value: string;
  confidence: number;
  /** Format: date-time. */
  observedAt: string;
  factors?: { [key: string]: number };
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

/** What a reading says about the appetite for risk. */
export type Regime = "NEUTRAL" | "RISK_OFF" | "RISK_ON";

/** The verdict. */
export interface RegimeReport {
  regime: Regime;
  /** -1 (all flee from risk) to 1 (all seek it). */
  score: number;
  /** share of instruments that vote for risk, 0 to 1. */
  breadth: number;
  /** 0 when the votes cancel each other, 1 when they all point one way. */
  agreement: number;
  asOf: string | null;
  /** strongest first. */
  votes: Vote[];
  leftOut: string[];
}

/** One reading of one instrument. */
export interface Signal {
  /** Format: uuid. */
  id: string;
  /** of the instrument; a ratio's legs are joined by a dash. */
  symbol: string;
  regime: Regime;
  /**
   * the reading itself, exact.
   * Format: decimal.
   */
  value: string;
  /** 0 to 1. */
  confidence: number;
  /** what the verdict was made of, by name. */
  factors: { [key: string]: number };
  observedAt: string;
  createdAt: string;
  createdBy: string | null;
}

/** Some signals, newest first, and the cursor of those that follow; None at the end. */
export interface SignalPage {
  items: Signal[];
  nextCursor: string | null;
}

/** What one instrument says. */
export interface Vote {
  symbol: string;
  regime: Regime;
  /** of the newest reading against the window, positive for risk. */
  zscore: number;
  /** 0 to 1; the weights of a report add up to 1. */
  weight: number;
  observedAt: string;
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
    /** Judge the regime from the newest `window` readings of each instrument, up to `as_of`. */
    "/reports/regime": {
      query: {
        as_of?: string | undefined;
        window?: number | undefined;
      };
      response: RegimeReport;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "unauthenticated";
    };
    /** Return readings, newest first; pass `next_cursor` back as `cursor` for the next page. */
    "/signals": {
      query: {
        symbol?: string | undefined;
        regime?: Regime | undefined;
        since?: string | undefined;
        limit?: number | undefined;
        cursor?: string | undefined;
      };
      response: SignalPage;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "unauthenticated";
    };
    /** Return the newest reading for `symbol`. */
    "/signals/{symbol}": {
      path: {
        symbol: string;
      };
      response: Signal;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "unauthenticated";
    };
    /** Return the readings observed from `start` to `end`, both days included (UTC), oldest first. */
    "/signals/{symbol}/history": {
      path: {
        symbol: string;
      };
      query: {
        start: string;
        end: string;
      };
      response: HistoryPoint[];
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "unauthenticated";
    };
  };
  post: {
    /** Record one reading. */
    "/signals": {
      body: NewSignal;
      response: Signal;
      errors: Everywhere | "auth_unavailable" | "body_too_large" | "conflict" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "unauthenticated" | "unsupported_media_type";
    };
  };
  put: object;
  patch: object;
  delete: {
    /** Delete every reading of `symbol`; the instrument itself belongs to the app and stays. */
    "/signals/{symbol}": {
      path: {
        symbol: string;
      };
      response: undefined;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "unauthenticated";
    };
  };
}

/** The event streams, by method. */
export interface Streams {
  get: object;
  post: object;
  put: object;
  patch: object;
  delete: object;
}
