/**
 * Server-sent events as a typed async iterator. A lost connection is resumed with a fresh token; the stream ends only
 * with its terminal event.
 */
import { mediaType } from "./content";
import { BackendError, isErrorCode, UsageError, type Failure } from "./errors";
import { parse } from "./json";
import type { Problem } from "./schema";
import { now } from "./time";
import {
  aborted, backoff, Cut, failureFrom, isRetryable, pause, send, type BackendOptions, type CallOptions, type Exchange,
} from "./transport";
import { constants } from "./vocabulary";

export interface StreamOptions extends Omit<CallOptions, "retries" | "deadline" | "timeout"> {
  /** Milliseconds without a byte after which the connection counts as lost; by default 40 s, over two heartbeats. */
  idle?: number;
  /**
   * Reconnects in a row without progress, by default 5. Progress is an event with an id that is new to this stream, or
   * a connection that lasted 10 s. Only for GET: no other method is sent again.
   */
  reconnects?: number;
  /** The `lastEventId` of an earlier stream, to resume after it. */
  lastEventId?: string;
}

/** `shutting_down`: another instance can serve the stream at once. */
const RESUMABLE = new Set<string>(["stream_interrupted", "shutting_down"]);
/** Milliseconds after which a connection counts as one that held. */
const HELD = 10_000;
/** Milliseconds between two connections, whatever the server's `retry:` says. */
const PACE = { least: 250, most: 60_000 };
/** Milliseconds; a server that asks for a longer wait has its error thrown. */
const LONGEST_WAIT = 300_000;
/** Ids of events that are kept at once, so that a stream of days fills no memory. */
const REMEMBERED = 10_000;

export class EventStream<E extends { type: string }> implements AsyncIterable<E> {
  /** The id of the last event that was yielded. */
  lastEventId: string | undefined;
  #options: BackendOptions;
  #call: Exchange & StreamOptions;
  #wait: number | undefined;
  #opened = false;
  #seen = new Set<string>();

  constructor(options: BackendOptions, call: Exchange & StreamOptions) {
    this.#options = options;
    this.#call = call;
    this.lastEventId = call.lastEventId;
    if (call.lastEventId !== undefined) this.#seen.add(call.lastEventId);
  }

  /**
   * Iterate to the terminal event: `done` is yielded last, `error` is thrown. Leaving the loop closes the stream; a
   * second loop resumes a GET after `lastEventId`, and is a `UsageError` for any other method.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    const { signal, reconnects = 5 } = this.#call;
    const isGet = this.#call.method === "GET";
    if (this.#opened && !isGet) {
      throw new UsageError(`A ${this.#call.method} stream can be read once: it would run again. Open another one.`);
    }
    this.#opened = true;
    const limit = isGet ? reconnects : 0;
    let failures = 0; // in a row without progress
    let cuts = 0; // in a row of connections that did not hold
    let refreshed = false;
    for (;;) {
      let failure: unknown;
      const begun = now();
      try {
        for await (const event of this.#connection(refreshed)) {
          if (this.#isNew()) failures = 0;
          refreshed = false;
          yield event;
          if (event.type === "done") return;
        }
        failure = new BackendError("stream_interrupted", "The stream ended without a terminal event.");
      } catch (error) {
        failure = error;
      }
      if (!(failure instanceof BackendError)) throw failure;
      if (failure.status === 401 && !refreshed && this.#options.getToken) {
        refreshed = true;
        continue;
      }
      if (now() - begun >= HELD) failures = cuts = 0;
      const resumable = RESUMABLE.has(failure.code) || isRetryable(failure);
      const wait = Math.max(this.#wait ?? backoff(cuts), failure.retryAfter ?? 0);
      if (failures >= limit || !resumable || wait > LONGEST_WAIT) throw failure;
      await pause(wait, signal);
      failures++;
      cuts++;
    }
  }

  /** Whether the last event has an id that no earlier one of this stream had. */
  #isNew(): boolean {
    const id = this.lastEventId;
    if (id === undefined || this.#seen.has(id)) return false;
    if (this.#seen.size >= REMEMBERED) this.#seen.clear();
    this.#seen.add(id);
    return true;
  }

  async *#connection(skipCache: boolean): AsyncGenerator<E, void, undefined> {
    const { idle = 40_000, signal, headers } = this.#call;
    const resume: Record<string, string> = this.lastEventId === undefined ? {} : { "last-event-id": this.lastEventId };
    const call: Exchange = { ...this.#call, accept: "text/event-stream", headers: { ...headers, ...resume } };
    const cut = new Cut(signal, idle);
    try {
      const response = await cut.race(send(this.#options, call, skipCache, cut.signal));
      if (!response.ok) throw await cut.race(failureFrom(response));
      if (!response.body || mediaType(response) !== "text/event-stream") {
        throw new BackendError("protocol", "The response is not an event stream.", { status: response.status });
      }
      for await (const frame of frames(bytes(response.body, cut, idle))) {
        if (frame.retry !== undefined) this.#wait = Math.min(Math.max(frame.retry, PACE.least), PACE.most);
        if (frame.data === undefined) continue;
        const event = eventFrom<E>(frame.data, frame.event);
        if (frame.id !== undefined) this.lastEventId = frame.id;
        if (event.type === "error") throw failureOf(event);
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) throw aborted(signal.reason);
      // Whatever interrupts a running stream, it can be resumed.
      throw error instanceof BackendError ? error : cut.explain(error);
    } finally {
      cut.release();
    }
  }
}

async function* bytes(body: ReadableStream<Uint8Array>, cut: Cut, idle: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await cut.race(reader.read());
      if (done) return;
      cut.restart(idle);
      yield value;
    }
  } finally {
    // Not awaited: on a dead connection this may never settle.
    reader.cancel().catch((): void => undefined);
  }
}

export interface Frame {
  event?: string;
  data?: string;
  id?: string;
  retry?: number;
}

/** Split bytes into frames by the HTML standard; lines end with LF, CR or CRLF, even split between two chunks. */
export async function* frames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  let frame: Frame = {};
  for await (const chunk of source) {
    rest += decoder.decode(chunk, { stream: true });
    for (;;) {
      const end = rest.search(/\r\n|\n|\r(?!$)/);
      if (end < 0) break;
      const line = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
      if (line !== "") {
        take(line, frame);
      } else {
        if (Object.keys(frame).length > 0) yield frame;
        frame = {};
      }
    }
    if (rest.length + (frame.data?.length ?? 0) > constants.limits.eventBytes) {
      throw new BackendError("protocol", `An event is longer than ${constants.limits.eventBytes} bytes.`);
    }
  }
}

function take(line: string, frame: Frame): void {
  const colon = line.indexOf(":");
  if (colon === 0) return;
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (name === "data") frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
  else if (name === "event") frame.event = value;
  else if (name === "id" && !value.includes("\0")) frame.id = value;
  else if (name === "retry" && /^\d+$/.test(value)) frame.retry = Number(value);
}

function eventFrom<E extends { type: string }>(data: string, name: string | undefined): E {
  try {
    const value: unknown = parse(data);
    if (typeof value !== "object" || value === null) throw new TypeError("not an object");
    return { type: name ?? "message", ...value } as E;
  } catch (cause) {
    throw new BackendError("protocol", "The data of an event is not valid JSON.", { cause });
  }
}

/** The terminal `error` event has the members of a problem document. */
function failureOf(event: object): Failure {
  const problem = event as Problem;
  const code = isErrorCode(problem.code) ? problem.code : "unknown";
  const { retryable } = event as { retryable?: unknown };
  return new BackendError(code, problem.detail ?? "The stream failed.", {
    problem,
    status: problem.status,
    retryable: typeof retryable === "boolean" ? retryable : undefined,
  }) as Failure;
}
