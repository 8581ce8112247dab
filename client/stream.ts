/**
 * Server-sent events as a typed async iterator. A lost connection is resumed with a fresh token; the stream ends only
 * with its terminal event.
 */
import { BackendError, errorFrom, isErrorCode, type Failure } from "./errors";
import { parse } from "./json";
import type { Problem } from "./schema";
import {
  aborted, backoff, Cut, isRetryable, pause, send, type BackendOptions, type CallOptions, type Exchange,
} from "./transport";

export interface StreamOptions extends Omit<CallOptions, "retries" | "deadline" | "timeout"> {
  /** Milliseconds without a byte after which the connection counts as lost; by default 40 s, over two heartbeats. */
  idle?: number;
  /** Reconnects in a row without an event, by default 5. Only for GET: no other method is sent again. */
  reconnects?: number;
  /** The `lastEventId` of an earlier stream, to resume after it. */
  lastEventId?: string;
}

/** `shutting_down`: another instance can serve the stream at once. */
const RESUMABLE = new Set<string>(["stream_interrupted", "shutting_down"]);
const MAX_FRAME_LENGTH = 1_048_576;

export class EventStream<E extends { type: string }> implements AsyncIterable<E> {
  /** The id of the last event that was yielded. */
  lastEventId: string | undefined;
  #options: BackendOptions;
  #call: Exchange & StreamOptions;
  #wait: number | undefined;

  constructor(options: BackendOptions, call: Exchange & StreamOptions) {
    this.#options = options;
    this.#call = call;
    this.lastEventId = call.lastEventId;
  }

  /** Iterate to the terminal event: `done` is yielded last, `error` is thrown. Leaving the loop closes the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    const { signal, reconnects = 5 } = this.#call;
    const limit = this.#call.method === "GET" ? reconnects : 0;
    let failures = 0;
    let refreshed = false;
    for (;;) {
      let failure: unknown;
      try {
        for await (const event of this.#connection(refreshed)) {
          failures = 0;
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
      const resumable = RESUMABLE.has(failure.code) || isRetryable(failure);
      if (failures >= limit || !resumable) throw failure;
      await pause(Math.max(this.#wait ?? backoff(failures), failure.retryAfter ?? 0), signal);
      failures++;
    }
  }

  async *#connection(skipCache: boolean): AsyncGenerator<E, void, undefined> {
    const { idle = 40_000, signal, headers } = this.#call;
    const resume: Record<string, string> = this.lastEventId === undefined ? {} : { "last-event-id": this.lastEventId };
    const call: Exchange = { ...this.#call, accept: "text/event-stream", headers: { ...headers, ...resume } };
    const cut = new Cut(signal, idle);
    try {
      const response = await cut.race(send(this.#options, call, skipCache, cut.signal));
      if (!response.ok) throw await cut.race(errorFrom(response));
      if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
        throw new BackendError("protocol", "The response is not an event stream.", { status: response.status });
      }
      for await (const frame of frames(bytes(response.body, cut, idle))) {
        if (frame.retry !== undefined) this.#wait = frame.retry;
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
    if (rest.length > MAX_FRAME_LENGTH) throw new BackendError("protocol", "An event exceeds 1 MiB.");
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
  return new BackendError(code, problem.detail ?? "The stream failed.", { problem, status: problem.status }) as Failure;
}
