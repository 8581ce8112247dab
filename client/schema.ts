/** Written by `annex client` from the functions' signatures; do not edit. */

/** A finished message of one agent. */
export interface AgentMessage {
  type: "message";
  messageId: string;
  agent: string;
  text: string;
  /** the structured output, where the agent was asked for one. */
  data: unknown;
}

/** One event; `data` is the object that changed, as Clerk's Backend API shows it. */
export interface ClerkEvent {
  type: string;
  data?: { [key: string]: unknown };
}

/**
 * What an agent endpoint takes as its body: the last message is the person's.
 *
 * The bodies of the AI SDK's `useChat` and of AG-UI are understood too, by their shape, and answered in
 * their own wire formats.
 */
export interface Conversation {
  /** oldest first; at most 200, together at most 200,000 characters. */
  messages: Turn[];
  /** the token of an `input_required` event, when the last message answers its question. */
  continuation?: string | null;
  /** the answer to an `input_required` event with a call: whether the tool may be called so. */
  approved?: boolean | null;
}

/** A message of the framework that has no event of its own here; without its content. */
export interface CustomEvent {
  type: "custom";
  name: string;
  agent: string;
}

/** One invalid input. */
export interface FieldError {
  /** `body`, `query`, `path`, `header` or `cookie`. */
  location: string;
  /** dotted path inside the location, `""` for the location as a whole. */
  field: string;
  /** what was expected. */
  message: string;
}

/** One reading on the time line of an instrument. */
export interface HistoryPoint {
  /** Format: date-time. */
  observedAt: string;
  regime: Regime;
  /** Format: decimal. */
  value: string;
  confidence: number;
}

/** The readings to record, in their order. */
export interface Import {
  readings: NewSignal[];
}

/** What came of an import; `known` is how many readings there were already. */
export interface Imported {
  recorded: number;
  known: number;
}

/** The service's card. */
export interface Index {
  name: string;
  version: string;
  links: { [key: string]: string };
}

/** The team needs an answer from a person; the run ends here. */
export interface InputRequired {
  type: "input_required";
  agent: string;
  question: string;
  /** sent back once, with the answer, before `expiresAt`, by the same user. */
  continuation: string;
  /** Format: date-time. */
  expiresAt: string;
  /** the tool call that the person is asked to approve; null for a question in words. The answer has `approved` in its conversation. */
  call: ToolCall | null;
}

/** The caller, as the verified token describes them. */
export interface Me {
  userId: string;
  sessionId: string | null;
  organizationId: string | null;
  role: string | null;
  permissions: string[];
}

/** A piece of a message that is being written; the whole follows as `AgentMessage` with the same id. */
export interface MessageDelta {
  type: "message_delta";
  messageId: string;
  agent: string;
  text: string;
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

/** The run that does the work, for `/runs/{id}`. */
export interface Queued {
  id: string;
}

/** A new reading of the instrument. */
export interface Reading {
  type: "reading";
  signal: Signal;
}

/** What a model thought before it spoke. */
export interface Reasoning {
  type: "reasoning";
  reasoningId: string;
  agent: string;
  text: string;
}

/**
 * A piece of what a model thinks before it speaks; the whole follows as `Reasoning` with the same id.
 *
 * Only where the function asked for its reasoning.
 */
export interface ReasoningDelta {
  type: "reasoning_delta";
  reasoningId: string;
  agent: string;
  text: string;
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
  /**
   * the newest reading that counted, null without any.
   * Format: date-time.
   */
  asOf: string | null;
  /** strongest first. */
  votes: Vote[];
  /** symbols with too few readings to judge. */
  leftOut: string[];
}

/** A reading in words. */
export interface RegimeSummary {
  headline: string;
  stance: "neutral" | "risk_off" | "risk_on";
  reasons: string[];
}

/** A run as it is now; one that is taken up again begins with what it is by then. */
export interface RunChanged {
  type: "run";
  run: RunState;
}

/** The run is over and its messages stand. */
export interface RunDone {
  type: "done";
  stopReason: "cancelled" | "completed" | "content_filter" | "input_required" | "length" | "refusal" | "token_limit" | "tool_limit" | "turn_limit";
  usage: TokenUsage;
}

/** Why the last try failed. */
export interface RunError {
  /** stable, as in a problem document. */
  code: string;
  /** one sentence. */
  detail: string;
}

/** The run broke off. */
export interface RunFailed {
  type: "error";
  /** one of the service's error codes, such as `deadline_exceeded` or `model_unavailable`. */
  code: string;
  /** one sentence for the caller. */
  detail: string;
  /** trying again later may succeed. */
  retryable: boolean;
  usage: TokenUsage;
}

/** The run was admitted; `runId` is what `DELETE /agents/runs/{run_id}` takes. */
export interface RunStarted {
  type: "run_started";
  runId: string;
}

/** What is known of a run. */
export interface RunState {
  /** of the run. */
  id: string;
  /** the path that was given to `enqueue`. */
  job: string;
  /** `failed` is final; between two tries a run is `queued`. */
  state: "cancelled" | "done" | "failed" | "queued" | "running";
  /** from 0 to 1, as the job last said. */
  progress: number;
  /** what the job returned. */
  result: unknown;
  /** of the last try. */
  error: RunError | null;
  /** how many have begun. */
  tries: number;
  /** Format: date-time. */
  queued_at: string;
  /** Format: date-time. */
  started_at: string | null;
  /** Format: date-time. */
  finished_at: string | null;
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
  /**
   * when the market said so.
   * Format: date-time.
   */
  observedAt: string;
  /**
   * when it was recorded.
   * Format: date-time.
   */
  createdAt: string;
  /** the user who recorded it, null for the app's own import. */
  createdBy: string | null;
}

/** Some signals, newest first, and the cursor of those that follow; null at the end. */
export interface SignalPage {
  items: Signal[];
  nextCursor: string | null;
}

/** What to sum up. */
export interface SummaryRequest {
  /** Such as SPY or HYG-LQD */
  symbol: string;
}

/** Tokens of the run so far. */
export interface TokenUsage {
  type: "usage";
  inputTokens: number;
  outputTokens: number;
}

/** An agent asks for a tool; `arguments` is JSON text as the model wrote it. */
export interface ToolCall {
  type: "tool_call";
  callId: string;
  agent: string;
  tool: string;
  arguments: string;
}

/** What the tool answered, as the model reads it. */
export interface ToolResult {
  type: "tool_result";
  callId: string;
  agent: string;
  tool: string;
  text: string;
  failed: boolean;
}

/** One message of the conversation. */
export interface Turn {
  /** who wrote it; instructions come from the service alone, so there is no `system`. */
  role: "assistant" | "user";
  /** at most 20,000 characters of a user, 100,000 of an agent. */
  content: string;
  /** which agent, for an assistant's message. */
  agent?: string | null;
  /** the app's own id of the message. */
  id?: string | null;
}

/** What one instrument says. */
export interface Vote {
  symbol: string;
  regime: Regime;
  /** of the newest reading against the window, positive for risk. */
  zscore: number;
  /** 0 to 1; the weights of a report add up to 1. */
  weight: number;
  /** Format: date-time. */
  observedAt: string;
}

/** Error codes that every route can return. */
export type Everywhere = "deadline_exceeded" | "function_stalled" | "function_unavailable" | "headers_too_large" | "internal_error" | "invalid_input" | "malformed_request" | "overloaded" | "shutting_down" | "unavailable" | "uri_too_long";

/** Inputs and response of each path, by method. */
export interface Routes {
  get: {
    /** Name, version and links */
    "/": {
      response: Index;
      open: true;
      errors: Everywhere;
    };
    /** Return the caller's ids, role and permissions. */
    "/me": {
      response: Me;
      errors: Everywhere | "auth_unavailable" | "unauthenticated";
    };
    /** Judge the regime from the newest `window` readings of each instrument, up to `as_of`. */
    "/reports/regime": {
      query?: {
        as_of?: string | Date | undefined;
        window?: number | undefined;
      };
      response: RegimeReport;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "invalid_input" | "unauthenticated";
    };
    /** Return how far a run is, and what came of it. */
    "/runs/{id}": {
      path: {
        id: string;
      };
      response: RunState;
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "not_found" | "unauthenticated";
    };
    /** Return readings, newest first; pass `nextCursor` back as `cursor` for the next page. */
    "/signals": {
      query?: {
        symbol?: string | undefined;
        regime?: Regime | undefined;
        since?: string | Date | undefined;
        limit?: number | undefined;
        cursor?: string | undefined;
      };
      response: SignalPage;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "invalid_input" | "outcome_unknown" | "unauthenticated";
    };
    /** Return the newest reading for `symbol`. */
    "/signals/{symbol}": {
      path: {
        symbol: string;
      };
      response: Signal;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "invalid_input" | "not_found" | "outcome_unknown" | "unauthenticated";
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
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "invalid_input" | "unauthenticated";
    };
  };
  post: {
    /** Sum up the newest reading of a symbol. */
    "/agents/summary": {
      body: SummaryRequest;
      response: RegimeSummary;
      errors: Everywhere | "agents_unavailable" | "auth_unavailable" | "body_too_large" | "database_unavailable" | "invalid_input" | "model_unavailable" | "not_found" | "rate_limited" | "request_timeout" | "too_many_runs" | "unauthenticated" | "unsupported_media_type";
    };
    /** Queue an import and return its run. */
    "/imports": {
      body: Import;
      response: Queued;
      errors: Everywhere | "auth_unavailable" | "body_too_large" | "forbidden" | "invalid_input" | "request_timeout" | "unauthenticated" | "unsupported_media_type";
    };
    /** Record one reading. */
    "/signals": {
      body: NewSignal;
      response: Signal;
      errors: Everywhere | "auth_unavailable" | "body_too_large" | "conflict" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "outcome_unknown" | "request_timeout" | "unauthenticated" | "unsupported_media_type";
    };
  };
  put: object;
  patch: object;
  delete: {
    /** End a run now; its stream says `done` with the reason `cancelled`. */
    "/agents/runs/{run_id}": {
      path: {
        run_id: string;
      };
      response: undefined;
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "not_found" | "unauthenticated";
    };
    /** End a run: one that waits at once, one that is under way within seconds. */
    "/runs/{id}": {
      path: {
        id: string;
      };
      response: undefined;
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "not_found" | "unauthenticated";
    };
    /** Delete every reading of `symbol`; the instrument itself belongs to the app and stays. */
    "/signals/{symbol}": {
      path: {
        symbol: string;
      };
      response: undefined;
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "forbidden" | "invalid_input" | "not_found" | "outcome_unknown" | "unauthenticated";
    };
  };
}

/** Event streams, by method. */
export interface Streams {
  get: {
    /** Follow a detached run: what came after `Last-Event-ID`, then what comes; for `chat`, all of it. */
    "/agents/runs/{run_id}": {
      path: {
        run_id: string;
      };
      query?: {
        chat?: "ui-messages" | undefined;
      };
      events: RunStarted | MessageDelta | AgentMessage | ReasoningDelta | Reasoning | ToolCall | ToolResult | InputRequired | TokenUsage | CustomEvent | RunDone;
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "model_unavailable" | "not_found" | "run_lost" | "unauthenticated";
    };
    /** Follow a detached run from its beginning, in the AI SDK's format; 204 where none is under way. */
    "/agents/runs/{run_id}/stream": {
      path: {
        run_id: string;
      };
      events: RunStarted | MessageDelta | AgentMessage | ReasoningDelta | Reasoning | ToolCall | ToolResult | InputRequired | TokenUsage | CustomEvent | RunDone;
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "unauthenticated";
    };
    /** Send the run whenever it changes, until it has ended. */
    "/runs/{id}/events": {
      path: {
        id: string;
      };
      events: RunChanged | { type: "done"; };
      errors: Everywhere | "auth_unavailable" | "invalid_input" | "not_found" | "unauthenticated";
    };
    /** Follow `symbol`: its newest reading, then each newer one as it is recorded. */
    "/signals/{symbol}/live": {
      path: {
        symbol: string;
      };
      events: Reading | { type: "done"; };
      errors: Everywhere | "auth_unavailable" | "database_unavailable" | "invalid_input" | "unauthenticated";
    };
  };
  post: {
    /** Discuss the question that the conversation ends with; `detach` lets it go on when you leave. */
    "/agents/regime": {
      query?: {
        detach?: boolean | undefined;
      };
      body: Conversation;
      events: RunStarted | MessageDelta | AgentMessage | ReasoningDelta | Reasoning | ToolCall | ToolResult | InputRequired | TokenUsage | CustomEvent | RunDone;
      errors: Everywhere | "agents_unavailable" | "auth_unavailable" | "body_too_large" | "conflict" | "database_unavailable" | "invalid_input" | "model_unavailable" | "rate_limited" | "request_timeout" | "run_lost" | "too_many_runs" | "unauthenticated" | "unsupported_media_type";
    };
  };
  put: object;
  patch: object;
  delete: object;
}
