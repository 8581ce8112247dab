/**
 * Calls as TanStack Query and SWR take them: a key and a function. Imports neither.
 *
 *     useQuery(query(backend, "/signals/{symbol}", { path: { symbol } }))
 *     const { queryKey, queryFn } = query(backend, "/signals", {}); useSWR(queryKey, queryFn)
 */
import type { BackendApiClient, Input, Method, Response, RouteTable } from "./backend";
import type { CallOptions } from "./transport";

/** Method, path and what is sent; the same input makes the same key. It does not name the user: clear the cache when one signs out. */
export type Key = readonly [method: string, path: string, input: object];

export interface Query<T> {
  queryKey: Key;
  /** Ends the call when TanStack Query does; SWR has no signal. */
  queryFn: (context?: unknown) => Promise<T>;
}

export interface Mutation<I, T> {
  mutationKey: readonly [method: string, path: string];
  mutationFn: (input: I) => Promise<T>;
}

/** The query parameter and the member of the answer that a paged function has. */
interface Paged {
  query?: { cursor?: string | undefined };
}
type NextCursor = { nextCursor: string | null } | { next_cursor: string | null };

/** For `useInfiniteQuery(pages)`, and for `useSWRInfinite(pages.getKey, pages.fetcher)`. */
export interface Pages<T> {
  queryKey: Key;
  queryFn: (context: { pageParam: string | undefined; signal?: AbortSignal }) => Promise<T>;
  initialPageParam: string | undefined;
  getNextPageParam: (page: T) => string | undefined;
  /** Null once the last page has been read. */
  getKey: (index: number, previous: T | null) => readonly [...Key, cursor: string | undefined] | null;
  fetcher: (key: readonly [...Key, cursor: string | undefined]) => Promise<T>;
}

type Calling<R> = Omit<Input<R> & CallOptions, "signal">;
/** Optional where the path needs no input. */
type Given<R> = object extends Input<R> ? [input?: Calling<R>] : [input: Calling<R>];
type Send = (path: string, options: object) => Promise<unknown>;

/** A GET as a query. */
export function query<R extends RouteTable, S extends RouteTable, P extends keyof R["get"] & string>(
  backend: BackendApiClient<R, S>,
  path: P,
  ...[input]: Given<R["get"][P]>
): Query<Response<R["get"][P]>> {
  const get = backend.get as unknown as Send;
  return {
    queryKey: keyOf("GET", path, input),
    queryFn: (context) => get(path, { ...input, ...signalOf(context) }) as Promise<Response<R["get"][P]>>,
  };
}

/** A call that changes something, as a mutation; what it is called with is its input. */
export function mutation<
  R extends RouteTable, S extends RouteTable, M extends Exclude<Method, "get">, P extends keyof R[M] & string,
>(backend: BackendApiClient<R, S>, method: M, path: P): Mutation<MutationInput<R[M][P]>, Response<R[M][P]>> {
  const send = backend[method] as unknown as Send;
  return {
    mutationKey: [method.toUpperCase(), path],
    mutationFn: (input) => send(path, (input ?? {}) as object) as Promise<Response<R[M][P]>>,
  };
}
/** Nothing has to be given where nothing is needed. */
type MutationInput<R> = object extends Input<R> ? Calling<R> | void : Calling<R>;

/** A GET with a `cursor`, whose answer has the `nextCursor` of the page that follows. */
export function pages<
  R extends RouteTable, S extends RouteTable,
  P extends { [P in keyof R["get"]]: R["get"][P] extends Paged & { response: NextCursor } ? P : never }[keyof R["get"]] & string,
>(backend: BackendApiClient<R, S>, path: P, ...[input]: Given<R["get"][P]>): Pages<Response<R["get"][P]>> {
  type Page = Response<R["get"][P]>;
  const get = backend.get as unknown as Send;
  const page = (cursor: string | undefined, context?: unknown) => {
    const { query: given, ...rest } = (input ?? {}) as { query?: object };
    return get(path, { ...rest, query: { ...given, cursor }, ...signalOf(context) }) as Promise<Page>;
  };
  const key = keyOf("GET", path, input);
  return {
    queryKey: [...key.slice(0, 2), { ...key[2], paged: true }] as unknown as Key,
    queryFn: (context) => page(context.pageParam, context),
    initialPageParam: undefined,
    getNextPageParam: cursorOf,
    getKey: (_, previous) => (previous && cursorOf(previous) === undefined ? null : [...key, previous ? cursorOf(previous) : undefined]),
    fetcher: ([, , , cursor]) => page(cursor),
  };
}

function cursorOf(page: unknown): string | undefined {
  const { nextCursor, next_cursor } = page as { nextCursor?: string | null; next_cursor?: string | null };
  return nextCursor ?? next_cursor ?? undefined;
}

function keyOf(method: string, path: string, input: object = {}): Key {
  const { path: values, query: asked, headers } = input as { path?: object; query?: object; headers?: object };
  const sent = Object.entries({ path: values, query: asked, headers }).filter(([, value]) => value !== undefined);
  return [method, path, Object.fromEntries(sent)];
}

function signalOf(context: unknown): { signal?: AbortSignal } {
  const signal = (context as { signal?: unknown } | undefined)?.signal;
  return signal instanceof AbortSignal ? { signal } : {};
}
