/**
 * Handlers for Mock Service Worker (MSW 2), typed by path and by error code. MSW is passed in, so nothing is imported:
 *
 *     const mock = createMocks(http, "https://api.example.com");
 *     setupServer(mock.get("/signals/{symbol}", signal), mock.post("/signals", failure("conflict")));
 */
import type { Events, Input, Method, Response as Answered, RouteTable } from "./backend";
import type { FieldError, Routes, Streams } from "./schema";
import { errorCodes, type ErrorCode } from "./vocabulary";

/** An error that a mocked function answers. */
export class MockFailure<C extends ErrorCode> {
  readonly code: C;
  readonly told: FailureDetails;

  constructor(code: C, told: FailureDetails) {
    this.code = code;
    this.told = told;
  }
}

export interface FailureDetails {
  detail?: string;
  errors?: FieldError[];
  /** Seconds. */
  retryAfter?: number;
}

/** Answer with this error; a code that the route cannot answer does not compile. */
export function failure<C extends ErrorCode>(code: C, told: FailureDetails = {}): MockFailure<C> {
  return new MockFailure(code, told);
}

type Codes<R> = R extends { errors: infer C } ? Extract<C, ErrorCode> : never;
type Value<R> = R extends { content: unknown } ? Blob : Answered<R>;
type Outcome<T, R> = T | MockFailure<Codes<R>>;
/** A value, an error, or a function of what was asked that returns either. */
type Reply<T, R> = Outcome<T, R> | ((asked: Asked<R>) => Outcome<T, R> | Promise<Outcome<T, R>>);

/** What a mocked function was called with; a body is read from `request`. */
export interface Asked<R> {
  request: Request;
  path: Input<R> extends { path: infer P } ? { [K in keyof P]: string } : object;
  query: URLSearchParams;
}

/** `http` of MSW, as far as it is used. */
type Http<H> = {
  [M in Method]: (path: string, resolver: (info: { request: Request; params: object }) => Promise<Response>) => H;
};
type Mocker<Table, H> = <P extends keyof Table & string>(path: P, reply: Reply<Value<Table[P]>, Table[P]>) => H;
type Streamer<Table, H> = <P extends keyof Table & string>(path: P, reply: Reply<Events<Table[P]>[], Table[P]>) => H;
export type Mocks<R extends RouteTable, S extends RouteTable, H> = { [M in Method]: Mocker<R[M], H> } & {
  /** Streams of the events given, which end where they end: the last one is `done` in a stream that is complete. */
  stream: { [M in Method]: Streamer<S[M], H> };
};

const METHODS: Method[] = ["get", "post", "put", "patch", "delete"];

/** Make handlers for the backend at `baseUrl`. */
export function createMocks<H, R extends RouteTable = Routes, S extends RouteTable = Streams>(
  http: Http<H>,
  baseUrl: string,
): Mocks<R, S, H> {
  const base = baseUrl.replace(/\/+$/, "");
  const handlers = (write: (value: unknown) => Response) => {
    const made = METHODS.map((method) => [method, (path: string, reply: unknown) =>
      http[method](base + pattern(path), async ({ request, params }) => {
        const asked = { request, path: params, query: new URL(request.url).searchParams };
        const value: unknown = typeof reply === "function" ? await (reply as (asked: object) => unknown)(asked) : reply;
        return value instanceof MockFailure ? problem(value) : write(value);
      })]);
    return Object.fromEntries(made) as object;
  };
  return { ...handlers(content), stream: handlers(stream) } as Mocks<R, S, H>;
}

/** `/signals/{symbol}` as MSW writes it, `/signals/:symbol`; `{...rest}` takes several segments. */
function pattern(path: string): string {
  return path.replace(/\{(\.\.\.)?(\w+)\}/g, (_, rest: string | undefined, name: string) => `:${name}${rest ? "+" : ""}`);
}

function content(value: unknown): Response {
  if (value === undefined) return new Response(null, { status: 204 });
  return value instanceof Blob ? new Response(value) : json(value, 200, "application/json");
}

function stream(events: unknown): Response {
  const frames = (events as { type: string }[]).map((event, at) => `id: ${at + 1}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return new Response(frames.join(""), { headers: { "content-type": "text/event-stream" } });
}

function problem({ code, told }: MockFailure<ErrorCode>): Response {
  const { status } = errorCodes[code];
  const { detail = `Mocked ${code}.`, errors, retryAfter } = told;
  const document = { type: `urn:annex:problem:${code}`, title: code, status, detail, code, request_id: "mock", trace_id: "", errors };
  const response = json(document, status, "application/problem+json");
  if (retryAfter !== undefined) response.headers.set("retry-after", String(retryAfter));
  return response;
}

function json(value: unknown, status: number, type: string): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": type } });
}
