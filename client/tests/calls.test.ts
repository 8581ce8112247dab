import assert from "node:assert/strict";
import { test } from "node:test";
import { isBackendError, UsageError } from "../index";
import { client } from "./contract";
import { json, listen, problem } from "./listener";

test("a call puts its parameters into path, query and body, and returns the answer", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, { symbol: "SPY", value: "1.5" }));
  const backend = client(url);
  const signal = await backend.get("/signals/{symbol}", { path: { symbol: "BRK.B/SPY ü" } });
  await backend.get("/signals", { query: { limit: 5, since: new Date(0), symbol: ["SPY", "TLT"] } });
  await backend.post("/signals", { body: { symbol: "SPY", value: "1.5" } });
  assert.equal(signal.value, "1.5");
  assert.deepEqual(asked.map((one) => `${one.method} ${one.url}`), [
    "GET /signals/BRK.B%2FSPY%20%C3%BC",
    "GET /signals?limit=5&since=1970-01-01T00%3A00%3A00.000Z&symbol=SPY&symbol=TLT",
    "POST /signals",
  ]);
  assert.equal(asked[2]?.body, '{"symbol":"SPY","value":"1.5"}');
  assert.equal(asked[2]?.headers["content-type"], "application/json");
});

test("headers are sent as the text of their values, and what is undefined is not", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, ""));
  await client(url).get("/quotes", {
    headers: { "X-Api-Key": "k", "X-Depth": 2, "X-Since": new Date(0), "X-Tag": ["a", "b"], "x-other": undefined },
  });
  assert.deepEqual(
    ["x-api-key", "x-depth", "x-since", "x-tag", "x-other"].map((name) => asked[0]?.headers[name]),
    ["k", "2", "1970-01-01T00:00:00.000Z", "a, b", undefined],
  );
});

test("a form is urlencoded without a file, multipart with one, and a FormData as it is", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, ""));
  const backend = client(url);
  await backend.post("/reports", { form: { title: "Q1 é", urgent: true, tags: ["a", "b"] } });
  await backend.post("/reports", { form: { title: "Q1", pages: [new Blob(["one"]), new File(["two"], "b.csv")] } });
  const given = new FormData();
  given.set("title", "own");
  await backend.post("/reports", { form: given });
  const [plain, files, own] = asked;
  assert.equal(plain?.body, "title=Q1+%C3%A9&urgent=true&tags=a&tags=b");
  assert.match(plain?.headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/);
  assert.match(files?.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/);
  assert.match(files?.body ?? "", /name="title"\r\n\r\nQ1\r\n[^]*name="pages"[^]*one[^]*name="pages"; filename="b.csv"[^]*two/);
  assert.match(own?.body ?? "", /name="title"\r\n\r\nown/);
});

test("a base URL with a path and a trailing slash is kept", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, []));
  await client(`${url}/api/`).get("/signals");
  assert.equal(asked[0]?.url, "/api/signals");
});

test("a catch-all parameter keeps its slashes and nothing else", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, "text"));
  await client(url).get("/files/{...path}", { path: { path: "a b/c?d" } });
  assert.equal(asked[0]?.url, "/files/a%20b/c%3Fd");
});

test("a path parameter that would lead to another route is refused before anything is sent", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, {}));
  for (const symbol of ["..", ".", ""]) {
    await assert.rejects(client(url).get("/signals/{symbol}", { path: { symbol } }), UsageError);
  }
  await assert.rejects(client(url).get("/files/{...path}", { path: { path: "a/../b" } }), UsageError);
  assert.equal(asked.length, 0);
});

test("an empty answer is undefined", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(204).end());
  assert.equal(await client(url).delete("/signals/{symbol}", { path: { symbol: "SPY" } }), undefined);
});

test("the token is fetched for every attempt", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => (nth < 3 ? problem(response, 503, "unavailable") : json(response, [])));
  let count = 0;
  await client(url, { getToken: () => `token-${++count}` }).get("/signals");
  assert.deepEqual(asked.map((one) => one.headers.authorization), ["Bearer token-1", "Bearer token-2", "Bearer token-3"]);
});

test("a refused token is refreshed once, past the cache, and then given up", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 401, "unauthenticated"));
  const options: unknown[] = [];
  const backend = client(url, { getToken: async (option) => (options.push(option), "t") });
  await assert.rejects(backend.post("/signals", { body: { symbol: "SPY", value: "1" } }), { code: "unauthenticated" });
  assert.equal(asked.length, 2);
  assert.deepEqual(options, [undefined, { skipCache: true }]);
});

test("without a session no authorization header is sent", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, []));
  await client(url, { getToken: async () => null }).get("/signals");
  assert.equal(asked[0]?.headers.authorization, undefined);
});

test("an error is thrown with its code, status, request id and fields", async (t) => {
  const document = {
    type: "urn:annex:problem:invalid_input", title: "Bad Request", status: 400, detail: "No.", code: "invalid_input",
    request_id: "req-7", trace_id: "", errors: [{ location: "body", field: "value", message: "expected a decimal" }],
  };
  const { url } = await listen(t, (response) => json(response, document, 400));
  const error: unknown = await client(url).post("/signals", { body: { symbol: "SPY", value: "x" } }).catch((e: unknown) => e);
  assert.ok(isBackendError(error, "invalid_input"));
  assert.deepEqual(
    [error.code, error.status, error.requestId, error.message, error.retryable, error.errors[0]?.field],
    ["invalid_input", 400, "req-7", "No.", false, "value"],
  );
});

test("the result style returns the same error as a value", async (t) => {
  const { url } = await listen(t, (response) => problem(response, 404, "not_found"));
  const result = await client(url).get("/signals/{symbol}", { path: { symbol: "SPY" } }).result();
  assert.equal(result.ok, false);
  assert.equal(result.error?.code, "not_found");
});

test("the result style returns data on success", async (t) => {
  const { url } = await listen(t, (response) => json(response, { symbol: "SPY", value: "1" }));
  const result = await client(url).get("/signals/{symbol}", { path: { symbol: "SPY" } }).result();
  assert.deepEqual(result, { ok: true, data: { symbol: "SPY", value: "1" } });
});

test("a proxy's HTML page is an unknown error and not a crash", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(502, { "content-type": "text/html", "x-request-id": "edge-1" }).end("<h1>Bad gateway"));
  const result = await client(url, { retries: 0 }).get("/signals").result();
  assert.deepEqual([result.error?.code, result.error?.status, result.error?.requestId, result.error?.retryable], ["unknown", 502, "edge-1", true]);
});

test("a code that this client is too old to know is unknown, with the document kept", async (t) => {
  const { url } = await listen(t, (response) => problem(response, 418, "teapot"));
  const result = await client(url).get("/signals").result();
  assert.deepEqual([result.error?.code, result.error?.problem?.code], ["unknown", "teapot"]);
});

test("a success that is not JSON is a protocol error", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(200).end("<html>"));
  assert.equal((await client(url).get("/signals").result()).error?.code, "protocol");
});

test("an integer that JavaScript would round is refused, not rounded", async (t) => {
  const { url } = await listen(t, (response, _, nth) => response.writeHead(200).end(nth === 1 ? '{"id":9007199254740993}' : '{"id":"9007199254740993","x":1.2345678901234567}'));
  assert.equal((await client(url).get("/signals").result()).error?.code, "protocol");
  assert.equal((await client(url).get("/signals").result()).ok, true);
});

test("a read is tried again after 503 and heeds Retry-After", async (t) => {
  const times: number[] = [];
  const { url } = await listen(t, (response, _, nth) => {
    times.push(performance.now());
    return nth === 1 ? problem(response, 503, "overloaded", { "retry-after": "1" }) : json(response, []);
  });
  assert.deepEqual(await client(url).get("/signals"), []);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990);
});

test("a write is not sent again, whatever became of it", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => {
    if (nth === 1) problem(response, 503, "unavailable");
    else if (nth === 2) response.destroy();
  });
  const body = { symbol: "SPY", value: "1" };
  for (const nth of [1, 2, 3]) {
    await assert.rejects(client(url).post("/signals", { body, retries: 2, timeout: 200 }));
    assert.equal(asked.length, nth);
  }
});

test("an error that would be the same again is not repeated", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 500, "internal_error"));
  await assert.rejects(client(url).get("/signals"), { code: "internal_error" });
  assert.equal(asked.length, 1);
});

test("a wait longer than the whole call may take is not begun", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 503, "unavailable", { "retry-after": "120" }));
  const result = await client(url).get("/signals").result();
  assert.equal(asked.length, 1);
  assert.equal(result.error?.retryAfter, 120_000);
});

test("a backend that does not answer is a timeout", async (t) => {
  const { url } = await listen(t, () => undefined);
  assert.equal((await client(url).get("/signals", { timeout: 50, retries: 0 }).result()).error?.code, "timeout");
});

test("a body that stops half-way is a timeout too", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(200, { "content-type": "application/json" }).write("["));
  assert.equal((await client(url).get("/signals", { timeout: 50, retries: 0 }).result()).error?.code, "timeout");
});

test("a token source that hangs is a timeout", async (t) => {
  const { url } = await listen(t, (response) => json(response, []));
  const backend = client(url, { getToken: () => new Promise(() => undefined) });
  assert.equal((await backend.get("/signals", { timeout: 50, retries: 0 }).result()).error?.code, "timeout");
});

test("what the token source throws is passed on as it is, since Next.js steers by such errors", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, []));
  const steering = new Error("this page is dynamic");
  const backend = client(url, { getToken: () => Promise.reject(steering) });
  await assert.rejects(backend.get("/signals"), (error) => error === steering);
  await assert.rejects(backend.get("/signals").result(), (error) => error === steering);
  await assert.rejects(async () => {
    for await (const _ of backend.stream.get("/live")) assert.fail();
  }, (error) => error === steering);
  assert.equal(asked.length, 0);
});

test("what Next.js's fetch throws is passed on as it is, since Next.js steers by such errors", async () => {
  const steering = Object.assign(new Error("this page is dynamic"), { digest: "DYNAMIC_SERVER_USAGE" });
  let asked = 0;
  const backend = client("http://127.0.0.1:9", { fetch: () => (asked++, Promise.reject(steering)) });
  await assert.rejects(backend.get("/signals"), (error) => error === steering);
  await assert.rejects(backend.get("/signals").result(), (error) => error === steering);
  await assert.rejects(backend.healthCheck(), (error) => error === steering);
  await assert.rejects(async () => {
    for await (const _ of backend.stream.get("/live")) assert.fail();
  }, (error) => error === steering);
  assert.equal(asked, 4);
});

test("nobody listening is a network error with its cause", async (t) => {
  const { url } = await listen(t, () => undefined);
  const gone = url.replace(/\d+$/, "9");
  const result = await client(gone, { retries: 0 }).get("/signals").result();
  assert.equal(result.error?.code, "network");
  assert.ok(result.error?.cause instanceof Error);
});

test("the caller's abort ends a call in flight, a wait between attempts, and one not begun", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => (nth === 1 ? undefined : problem(response, 503, "unavailable", { "retry-after": "30" })));
  const inFlight = new AbortController();
  const first = client(url).get("/signals", { signal: inFlight.signal }).result();
  while (asked.length < 1) await new Promise((resolve) => setImmediate(resolve));
  inFlight.abort();
  assert.equal((await first).error?.code, "aborted");

  const waiting = new AbortController();
  const second = client(url).get("/signals", { signal: waiting.signal }).result();
  while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  waiting.abort();
  assert.equal((await second).error?.code, "aborted");

  assert.equal((await client(url).get("/signals", { signal: AbortSignal.abort() }).result()).error?.code, "aborted");
  assert.equal(asked.length, 2);
});

test("what one person may see is not cached unless the app asks for it", async (t) => {
  const { url } = await listen(t, (response) => json(response, []));
  const seen: (RequestInit & { next?: unknown })[] = [];
  const spy: typeof fetch = (input, init) => (seen.push(init ?? {}), fetch(input, { ...init, cache: "no-store" }));
  const backend = client(url, { fetch: spy });
  await backend.get("/signals");
  await backend.get("/signals", { next: { revalidate: 60, tags: ["signals"] } });
  assert.equal(seen[0]?.cache, "no-store");
  assert.equal(seen[1]?.cache, undefined);
  assert.deepEqual(seen[1]?.next, { revalidate: 60, tags: ["signals"] });
});

test("headers are asked for at every attempt, so that a trace's current span is the one sent", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => (nth === 1 ? problem(response, 503, "unavailable") : json(response, [])));
  let span = 0;
  await client(url, { headers: () => ({ traceparent: `00-${"a".repeat(32)}-${String(++span).padStart(16, "0")}-01` }) }).get("/signals");
  assert.deepEqual(asked.map((one) => one.headers["traceparent"]?.slice(-5)), ["01-01", "02-01"].map((tail) => tail));
});

test("a health check tells how the backend is and never throws or sends a token", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) =>
    nth === 1 ? json(response, { status: "degraded", version: "1", uptime_seconds: 3, checks: {} }) : problem(response, 503, "unavailable"));
  const backend = client(url, { getToken: () => "secret" });
  assert.equal((await backend.healthCheck()).status, "degraded");
  assert.equal((await backend.healthCheck()).status, "down");
  assert.equal((await client("http://127.0.0.1:9").healthCheck()).status, "unreachable");
  assert.ok(asked.every((one) => one.headers.authorization === undefined));
});

test("an upload is sent as it is, with the boundary that the platform chooses", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, {}));
  const form = new FormData();
  form.set("file", new Blob(["symbol,value"]), "signals.csv");
  await client(url).post("/signals", { body: form as never });
  assert.match(asked[0]?.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/);
});

test("what cannot be sent is a mistake of the caller and no network error", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, {}));
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const backend = client(url);
  for (const body of [{ value: BigInt(1) }, circle, { toJSON: () => { throw new Error("no"); } }]) {
    await assert.rejects(backend.post("/signals", { body: body as never }), /The body cannot be written as JSON\. Pass a bigint as a string/);
  }
  for (const key of ["a\nb", "\u20ac"]) {
    await assert.rejects(backend.get("/signals", { headers: { "x-note": key } }), /The header "x-note" cannot be sent/);
    await assert.rejects(backend.post("/orders", { body: { symbol: "", value: "" }, idempotencyKey: key }), UsageError);
  }
  await assert.rejects(client(url, { headers: { "x-note": "\u20ac" } }).get("/signals"), UsageError);
  const never = new Date(NaN);
  await assert.rejects(backend.get("/signals", { query: { since: never } }), UsageError);
  await assert.rejects(backend.get("/quotes", { headers: { "X-Api-Key": "k", "X-Since": never } }), UsageError);
  assert.throws(() => backend.stream.get("/live", { query: { symbol: never as never } }), UsageError);
  assert.equal(asked.length, 0);
});

test("a base URL that is none is a mistake of the caller, and is not printed", async () => {
  for (const base of ["/backend", "backend.example", "ftp://user:secret@host"]) {
    const error: unknown = await client(base).get("/signals").catch((e: unknown) => e);
    assert.ok(error instanceof UsageError);
    assert.ok(!error.message.includes("secret"));
  }
});

test("an Authorization header of the call's own is kept", async (t) => {
  const { url, asked } = await listen(t, (response) => json(response, []));
  await client(url, { getToken: () => "session" }).get("/signals", { headers: { authorization: "Bearer machine" } });
  assert.equal(asked[0]?.headers.authorization, "Bearer machine");
});
