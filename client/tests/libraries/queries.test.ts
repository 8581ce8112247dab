import { InfiniteQueryObserver, MutationObserver, QueryClient } from "@tanstack/react-query";
import assert from "node:assert/strict";
import { test } from "node:test";
import { isBackendError } from "../../index";
import { mutation, pages, query } from "../../query";
import { client, type Signal } from "../contract";
import { json, listen, problem } from "../listener";

const spy: Signal = { symbol: "SPY", value: "1" };
const cache = () => new QueryClient({ defaultOptions: { queries: { retry: false } } });

test("TanStack Query fetches a query once and finds it again by an equal input", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, spy));
  const backend = client(url);
  const queries = cache();
  const one = () => query(backend, "/signals/{symbol}", { path: { symbol: "SPY" }, timeout: 900 });
  const first: Signal = await queries.fetchQuery({ ...one(), staleTime: Infinity });
  const second: Signal = await queries.fetchQuery({ ...one(), staleTime: Infinity });
  assert.deepEqual([first, second, asked.length], [spy, spy, 1]);
  assert.deepEqual(queries.getQueryData(one().queryKey), spy);
  assert.deepEqual(one().queryKey, ["GET", "/signals/{symbol}", { path: { symbol: "SPY" } }]);
});

test("a query that TanStack Query cancels ends the call", async (t) => {
  const { url, asked } = await listen(t, () => undefined);
  const queries = cache();
  const one = query(client(url), "/signals");
  const fetching = queries.fetchQuery(one);
  fetching.catch(() => undefined);
  while (asked.length < 1) await new Promise((resolve) => setImmediate(resolve));
  await queries.cancelQueries({ queryKey: one.queryKey });
  await assert.rejects(fetching);
});

test("the error of a query is the backend's", async (t) => {
  const { url } = await listen(t, (response) => problem(response, 404, "not_found"));
  const error: unknown = await cache().fetchQuery(query(client(url), "/signals/{symbol}", { path: { symbol: "X" } })).catch((e: unknown) => e);
  assert.ok(isBackendError(error, "not_found"));
});

test("a mutation sends what it is called with", async (t) => {
  const { url, asked } = await listen(t, (response, one) => (one.method === "DELETE" ? response.writeHead(204).end() : json(response, spy)));
  const backend = client(url);
  const record = new MutationObserver(cache(), mutation(backend, "post", "/signals"));
  assert.deepEqual(await record.mutate({ body: spy }), spy);
  const gone = new MutationObserver(cache(), mutation(backend, "delete", "/signals/{symbol}"));
  assert.equal(await gone.mutate({ path: { symbol: "SPY" } }), undefined);
  assert.deepEqual(asked.map((one) => `${one.method} ${one.url} ${one.body}`), [`POST /signals ${JSON.stringify(spy)}`, "DELETE /signals/SPY "]);
});

test("TanStack Query reads pages up to the last one", async (t) => {
  const { url, asked } = await listen(t, (response, one) =>
    json(response, { items: [spy], nextCursor: one.url.includes("cursor=b") ? null : one.url.includes("cursor=a") ? "b" : "a" }));
  const observer = new InfiniteQueryObserver(cache(), pages(client(url), "/history", { query: { symbol: "SPY" } }));
  const leave = observer.subscribe(() => undefined);
  let state = await observer.fetchNextPage();
  while (state.hasNextPage) state = await observer.fetchNextPage();
  leave();
  assert.equal(state.data?.pages.length, 3);
  assert.deepEqual([...new Set(asked.map((one) => one.url))], ["/history?symbol=SPY", "/history?symbol=SPY&cursor=a", "/history?symbol=SPY&cursor=b"]);
});

/** Compiled, never run. */
export function mistakes(backend: ReturnType<typeof client>) {
  // @ts-expect-error the body is missing
  mutation(backend, "post", "/signals").mutationFn({});
  // @ts-expect-error there is no such path
  query(backend, "/nothing");
  // @ts-expect-error the symbol is missing
  query(backend, "/signals/{symbol}");
  // @ts-expect-error it has no pages
  pages(backend, "/signals");
}
