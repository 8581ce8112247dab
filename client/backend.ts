/**
 * The client: the routes of the contract as typed calls. Paths, parameters, responses, error codes and events are
 * inferred from `schema.ts`, which `annex client` generates.
 */
import { file, isJson, json, text, type Reader } from "./content";
import { BackendError, isBackendError, UsageError, type Failure, type FailureCode, type LocalCode } from "./errors";
import { isRedirect, redirectFrom, type Redirected } from "./redirect";
import type { Routes, Streams } from "./schema";
import { EventStream, type StreamOptions } from "./stream";
import { exchange, isControlFlow, type BackendOptions, type CallOptions, type Exchange } from "./transport";
import { formBody, scalar, search } from "./values";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** One method of one path, as the contract describes it. */
export interface Route {
  path?: object;
  query?: object;
  headers?: object;
  body?: unknown;
  /** Of functions that keep their first answer (`idempotent=`). */
  idempotencyKey?: string | undefined;
  form?: unknown;
  response?: unknown;
  /** It answers with a file or another content: `text` can be read as both, `binary` only as a file. */
  content?: "text" | "binary";
  /** It can answer with a redirect, which `.redirect()` reads. */
  redirects?: true;
  /** It answers without a session. */
  open?: true;
  events?: { type: string };
  errors: FailureCode;
}
export type RouteTable = { [M in Method]: object };

/** The input of a call. Not a conditional type: the compiler would evaluate that for every route at each call. */
export type Input<R> = Pick<R, keyof R & ("path" | "query" | "headers" | "body" | "form" | "idempotencyKey")>;
/** The paths that need no input. */
type Bare<Table> = { [P in keyof Table]: object extends Input<Table[P]> ? P : never }[keyof Table] & string;

export type Response<R> = R extends { response: infer T } ? T : never;
export type Errors<R> = Failure<(R extends { errors: infer C extends FailureCode } ? C : never) | LocalCode>;
export type Events<R> = R extends { events: infer E extends { type: string } } ? E : never;

export type Result<T, E> = { ok: true; data: T; error?: never } | { ok: false; error: E; data?: never };

/** Await it for the response, or await `result()` for a value that is a response or an error. */
export interface Call<T, E> extends Promise<T> {
  result(): Promise<Result<T, E>>;
}

/** A content that is about to be read; say how at once: `await backend.get("/report").blob()`. */
export interface FileCall<E> {
  /** Read it as a file, with its media type and the name that the backend gave it. */
  blob(): Call<File, E>;
}
export interface TextCall<E> extends FileCall<E> {
  text(): Call<string, E>;
}

/** A redirect is not followed; `const { location } = await backend.post("/checkout").redirect()` reads it. */
export interface RedirectCall<T, E> {
  redirect(): Call<T | Redirected, E>;
}

/** What a route is called for: a value, a text, a file or a redirect. */
export type Called<R> = Read<R> & (R extends { redirects: true } ? RedirectCall<Other<R>, Errors<R>> : unknown);
type Read<R> = R extends { content: infer K }
  ? K extends "text" ? TextCall<Errors<R>> : FileCall<Errors<R>>
  : R extends { response: infer T } ? Call<T, Errors<R>> : unknown;
/** What `.redirect()` gives where the function did not redirect. */
type Other<R> = R extends { content: unknown } ? File : Response<R>;

interface Caller<Table> {
  <P extends Bare<Table>>(path: P, options?: Input<Table[P]> & CallOptions): Called<Table[P]>;
  <P extends keyof Table & string>(path: P, options: Input<Table[P]> & CallOptions): Called<Table[P]>;
}
interface Opener<Table> {
  <P extends Bare<Table>>(path: P, options?: Input<Table[P]> & StreamOptions): EventStream<Events<Table[P]>>;
  <P extends keyof Table & string>(
    path: P,
    options: Input<Table[P]> & StreamOptions,
  ): EventStream<Events<Table[P]>>;
}

const FOLLOWED = "/runs/{id}/events";

interface Runs<S extends RouteTable> {
  /** Watch a run: each event holds it as it is by then, and `done` comes once it has ended. */
  follow(id: string, options?: StreamOptions): EventStream<FollowEvents<S["get"]>>;
}
type FollowEvents<Table> = Table extends { [FOLLOWED]: infer R } ? Events<R> : never;

export interface Health {
  status: "ok" | "degraded" | "down" | "unreachable";
  version?: string;
  uptime_seconds?: number;
  checks?: Record<string, unknown>;
}

interface AnyInput {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  idempotencyKey?: string | undefined;
  form?: unknown;
}

export class BackendApiClient<R extends RouteTable = Routes, S extends RouteTable = Streams> {
  readonly get: Caller<R["get"]>;
  readonly post: Caller<R["post"]>;
  readonly put: Caller<R["put"]>;
  readonly patch: Caller<R["patch"]>;
  readonly delete: Caller<R["delete"]>;
  /** Event streams by method: `for await (const event of backend.stream.get("/live"))`. */
  readonly stream: { [M in Method]: Opener<S[M]> };
  /** Queued work, where the backend has jobs. */
  readonly runs: Runs<S>;
  #options: BackendOptions;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.get = this.#caller("GET");
    this.post = this.#caller("POST");
    this.put = this.#caller("PUT");
    this.patch = this.#caller("PATCH");
    this.delete = this.#caller("DELETE");
    this.stream = {
      get: this.#opener("GET"),
      post: this.#opener("POST"),
      put: this.#opener("PUT"),
      patch: this.#opener("PATCH"),
      delete: this.#opener("DELETE"),
    };
    const open = this.#opener<Record<string, Route>>("GET");
    this.runs = { follow: (id, options) => open(FOLLOWED, { ...options, path: { id } }) as never };
  }

  /** The backend's health, `unreachable` without a response; throws only Next.js's own control-flow errors. */
  async healthCheck(options: Pick<CallOptions, "signal" | "timeout"> = {}): Promise<Health> {
    const { getToken: _, ...anonymous } = this.#options;
    try {
      return await exchange(anonymous, { method: "GET", path: "/health", retries: 0, timeout: 5_000, ...options }, json as Reader<Health>);
    } catch (error) {
      if (isControlFlow(error)) throw error;
      return { status: isBackendError(error) && error.status !== undefined ? "down" : "unreachable" };
    }
  }

  #caller<Table>(method: string): Caller<Table> {
    const call = (template: string, { path, query, form, ...rest }: AnyInput & CallOptions = {}) => {
      let read: Reader = json;
      // The address is known in a later turn, so that `.text()` and `.blob()` are called before anything is sent.
      const promise = address(template, path, query).then((at) =>
        exchange(this.#options, { ...rest, ...sent(form), method, path: at, ...wanted(read) }, (response) => read(response)),
      );
      const as = (reader: Reader) => () => {
        read = reader;
        return whole;
      };
      const result = () => promise.then(
        (data) => ({ ok: true, data }),
        (error: unknown) => {
          if (error instanceof BackendError) return { ok: false, error };
          throw error;
        },
      );
      const whole = Object.assign(promise, { result, text: as(text), blob: as(file), redirect: as(redirected) });
      return whole;
    };
    return call as unknown as Caller<Table>;
  }

  #opener<Table>(method: string): Opener<Table> {
    const open = (template: string, { path, query, form, ...rest }: AnyInput & StreamOptions = {}) =>
      new EventStream(this.#options, { ...rest, ...sent(form), method, path: fill(template, path) + search(query) });
    return open as unknown as Opener<Table>;
  }
}

export function createBackend(options: BackendOptions): BackendApiClient {
  return new BackendApiClient(options);
}

/** The routes of a table that answer without a session. */
export type Open<T extends RouteTable> = {
  [M in Method]: { [P in keyof T[M] as T[M][P] extends { open: true } ? P : never]: T[M][P] };
};
export type PublicBackend = BackendApiClient<Open<Routes>, Open<Streams>>;

/** Create a client of the public functions alone; it has no token, so what it gets may be cached for everybody. */
export function createPublicBackend(options: Omit<BackendOptions, "getToken">): PublicBackend {
  return new BackendApiClient<Open<Routes>, Open<Streams>>(options);
}

const redirected: Reader = async (response) => {
  if (isRedirect(response)) return redirectFrom(response);
  return await (isJson(response) ? json : file)(response);
};

/** What the way of reading asks of the exchange. */
function wanted(read: Reader): Pick<Exchange, "accept" | "readsRedirect"> {
  return { accept: read === json ? undefined : "*/*", readsRedirect: read === redirected };
}

function sent(form: unknown): { body?: FormData | URLSearchParams } {
  return form === undefined ? {} : { body: formBody(form) };
}

async function address(template: string, path: AnyInput["path"], query: AnyInput["query"]): Promise<string> {
  return fill(template, path) + search(query);
}

/** Insert encoded values into `/signals/{symbol}`; `{...rest}` keeps its slashes. */
export function fill(template: string, values: Record<string, unknown> = {}): string {
  return template.replace(/\{(\.\.\.)?(\w+)\}/g, (_, rest: string | undefined, name: string) => {
    const text = scalar(values[name]) ?? "";
    const segments = rest ? text.split("/") : [text];
    // URL parsers remove these even when encoded: the call would reach another route.
    if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
      throw new UsageError(`${template}: the path parameter "${name}" must not be "${text}"; pass a segment other than "", "." and "..".`);
    }
    return segments.map(encodeURIComponent).join("/");
  });
}
