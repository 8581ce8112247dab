import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../index";
import { frames } from "../stream";
import { constants } from "../vocabulary";
import { client, type Ticks } from "./contract";
import { events, json, listen, problem } from "./listener";

const tick = (n: number) => `id: ${n}\nevent: tick\ndata: {"type":"tick","n":${n}}\n\n`;
const DONE = 'event: done\ndata: {"type":"done"}\n\n';

async function all(stream: AsyncIterable<Ticks>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of stream) seen.push(event.type === "tick" ? `tick ${event.n}` : event.type);
  return seen;
}

test("events arrive typed and in order, up to the terminal one", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, ": open\n\n", tick(1), tick(2), DONE).end());
  assert.deepEqual(await all(client(url, { getToken: () => "t" }).stream.get("/live", { query: { symbol: "SPY" } })), ["tick 1", "tick 2", "done"]);
  assert.equal(asked[0]?.headers.accept, "text/event-stream");
  assert.equal(asked[0]?.headers.authorization, "Bearer t");
});

test("a stream is readable while it is still being written", async (t) => {
  let more: (() => void) | undefined;
  const { url } = await listen(t, (response) => {
    events(response, tick(1));
    more = () => response.end(tick(2) + DONE);
  });
  const iterator = client(url).stream.get("/live")[Symbol.asyncIterator]();
  assert.deepEqual((await iterator.next()).value, { type: "tick", n: 1 });
  more?.();
  assert.deepEqual((await iterator.next()).value, { type: "tick", n: 2 });
  assert.equal((await iterator.next()).value?.type, "done");
  assert.equal((await iterator.next()).done, true);
});

test("a cut stream is resumed after the last event, with a fresh token", async (t) => {
  const { url, asked } = await listen(t, (response, one, nth) => {
    if (nth > 1) return events(response, tick(3), DONE).end();
    events(response, tick(1), tick(2));
    return setTimeout(() => response.destroy(), 20);
  });
  let count = 0;
  const stream = client(url, { getToken: () => `t${++count}` }).stream.get("/live");
  assert.deepEqual(await all(stream), ["tick 1", "tick 2", "tick 3", "done"]);
  assert.deepEqual(asked.map((one) => [one.headers["last-event-id"], one.headers.authorization]), [[undefined, "Bearer t1"], ["2", "Bearer t2"]]);
  assert.equal(stream.lastEventId, "3");
});

test("a clean end without a terminal event is a cut", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => events(response, nth === 1 ? tick(1) : DONE).end());
  assert.deepEqual(await all(client(url).stream.get("/live")), ["tick 1", "done"]);
  assert.equal(asked.length, 2);
});

test("a server that repeats an event and closes is given up after five reconnects", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, "retry: 0\n\n", tick(1)).end());
  await assert.rejects(all(client(url).stream.get("/live")), { code: "stream_interrupted" });
  assert.equal(asked.length, 6);
});

test("events without ids are no progress, since nothing can be resumed after them", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, 'data: {"type":"tick","n":1}\n\n').end());
  await assert.rejects(all(client(url).stream.get("/live", { reconnects: 1 })), { code: "stream_interrupted" });
  assert.equal(asked.length, 2);
});

test("a server that closes after each new event is followed to the end", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => events(response, "retry: 1\n\n", nth < 8 ? tick(nth) : DONE).end());
  assert.equal((await all(client(url).stream.get("/live", { reconnects: 1 }))).length, 8);
  assert.equal(asked.length, 8);
});

for (const retry of ["0", "99999999999", "9".repeat(400)]) {
  test(`a retry of ${retry.slice(0, 12)} makes no crowd of connections`, async (t) => {
    const { url, asked } = await listen(t, (response, _, nth) => events(response, `retry: ${retry}\n\n`, tick(nth)).end());
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 600);
    await assert.rejects(all(client(url).stream.get("/live", { signal: leaving.signal })), { code: "aborted" });
    assert.ok(asked.length <= 3, `${asked.length} connections`);
  });
}

test("a server that asks for a wait of days has its error thrown", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 503, "overloaded", { "retry-after": "9999999" }));
  await assert.rejects(all(client(url).stream.get("/live")), { code: "overloaded", retryAfter: 9_999_999_000 });
  assert.equal(asked.length, 1);
});

test("no time limit is so long that it ends at once", async (t) => {
  const { url } = await listen(t, (response, one) => (one.url === "/live" ? events(response, DONE).end() : json(response, [])));
  const endless = { timeout: Infinity, deadline: 1e12 };
  assert.deepEqual(await client(url).get("/signals", endless), []);
  assert.deepEqual(await all(client(url).stream.get("/live", { idle: 1e12 })), ["done"]);
});

test("a stream that is cut again and again is given up", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, "retry: 1\n\n").end());
  await assert.rejects(all(client(url).stream.get("/live", { reconnects: 3 })), { code: "stream_interrupted" });
  assert.equal(asked.length, 4);
});

test("a run that was started by POST is not started a second time", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, tick(1)).end());
  await assert.rejects(all(client(url).stream.post("/runs", { body: { task: "read the regime" }, reconnects: 3 })), { code: "stream_interrupted" });
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.body, '{"task":"read the regime"}');
});

test("a stream whose server shuts down is taken up at another one", async (t) => {
  const bye = 'event: error\ndata: {"type":"error","code":"shutting_down","detail":"bye","request_id":"r"}\n\n';
  const { url, asked } = await listen(t, (response, _, nth) => events(response, nth === 1 ? tick(1) + bye : tick(2) + DONE).end());
  assert.deepEqual(await all(client(url).stream.get("/live")), ["tick 1", "tick 2", "done"]);
  assert.equal(asked.length, 2);
});

test("the terminal error event is thrown with its code and request id, and ends it", async (t) => {
  const failed = 'event: error\ndata: {"type":"error","code":"internal_error","detail":"Our mistake.","request_id":"req-9"}\n\n';
  const { url, asked } = await listen(t, (response) => events(response, tick(1), failed).end());
  await assert.rejects(all(client(url).stream.get("/live")), { code: "internal_error", requestId: "req-9", message: "Our mistake." });
  assert.equal(asked.length, 1);
});

for (const [code, retryable] of [["model_unavailable", false], ["internal_error", true]] as const) {
  test(`an error event that says retryable: ${retryable} is believed, whatever ${code} means elsewhere`, async (t) => {
    const failed = `event: error\ndata: ${JSON.stringify({ type: "error", code, detail: "No.", retryable })}\n\n`;
    const { url } = await listen(t, (response) => events(response, failed).end());
    await assert.rejects(all(client(url).stream.get("/live")), { code, retryable });
  });
}

test("a refusal is thrown at once", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 403, "forbidden"));
  await assert.rejects(all(client(url).stream.get("/live")), { code: "forbidden", status: 403 });
  assert.equal(asked.length, 1);
});

test("a refused token is refreshed once", async (t) => {
  const { url, asked } = await listen(t, (response, one) =>
    one.headers.authorization === "Bearer fresh" ? events(response, DONE).end() : problem(response, 401, "unauthenticated"));
  const backend = client(url, { getToken: (options) => (options?.skipCache ? "fresh" : "stale") });
  assert.deepEqual(await all(backend.stream.get("/live")), ["done"]);
  assert.equal(asked.length, 2);
  const refused = client(url, { getToken: () => "stale" });
  await assert.rejects(all(refused.stream.get("/live")), { code: "unauthenticated" });
  assert.equal(asked.length, 4);
});

test("a stream of another method than GET is read once: a second loop would run it again", async (t) => {
  const { url, asked } = await listen(t, (response) => events(response, tick(1), DONE).end());
  const run = client(url).stream.post("/runs", { body: { task: "x" } });
  await all(run);
  await assert.rejects(all(run), UsageError);
  assert.equal(asked.length, 1);
  const live = client(url).stream.get("/live");
  await all(live);
  await all(live);
  assert.equal(asked.length, 3);
});

test("a content type in capitals is read", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(200, { "content-type": "TEXT/Event-Stream ;charset=UTF-8" }).end(DONE));
  assert.deepEqual(await all(client(url).stream.get("/live")), ["done"]);
});

test("an answer that is not a stream is a protocol error", async (t) => {
  const { url } = await listen(t, (response) => json(response, {}));
  await assert.rejects(all(client(url).stream.get("/live")), { code: "protocol" });
});

test("a silent connection is given up and made anew, heartbeats keep it", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => {
    if (nth === 1) return events(response, "retry: 1\n\n");
    events(response);
    const beats = setInterval(() => response.write(": heartbeat\n\n"), 20);
    return setTimeout(() => {
      clearInterval(beats);
      response.end(DONE);
    }, 300);
  });
  assert.deepEqual(await all(client(url).stream.get("/live", { idle: 120 })), ["done"]);
  assert.equal(asked.length, 2);
});

test("leaving the loop closes the connection", async (t) => {
  let closed: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => (closed = resolve));
  const { url } = await listen(t, (response) => events(response, tick(1)).on("close", () => closed?.()));
  for await (const event of client(url).stream.get("/live")) {
    assert.equal(event.type, "tick");
    break;
  }
  await gone;
});

test("an abort ends a stream that is being read and one that waits to reconnect", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => (nth === 1 ? events(response, tick(1)) : problem(response, 503, "overloaded", { "retry-after": "30" })));
  const reading = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of client(url).stream.get("/live", { signal: reading.signal })) reading.abort();
  }, { code: "aborted" });
  const waiting = new AbortController();
  const second = all(client(url).stream.get("/live", { signal: waiting.signal }));
  while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  waiting.abort();
  await assert.rejects(second, { code: "aborted" });
});

test("data that is not JSON is a protocol error", async (t) => {
  const { url } = await listen(t, (response) => events(response, "data: {oops\n\n").end());
  await assert.rejects(all(client(url).stream.get("/live")), { code: "protocol" });
});

test("an event without end is refused before it fills the memory", async (t) => {
  const { url } = await listen(t, (response) => events(response, `data: ${"x".repeat(1_100_000)}`));
  await assert.rejects(all(client(url).stream.get("/live")), { code: "protocol" });
});

test("many events at once are read, however long they are together, and one of the longest", async () => {
  const one = `data: ${"x".repeat(400_000)}\n\n`;
  const longest = `data: ${"x".repeat(constants.limits.eventBytes - 8)}\n\n`;
  async function* pieces() {
    yield new TextEncoder().encode(one.repeat(4));
    yield new TextEncoder().encode(longest.slice(0, -2));
    yield new TextEncoder().encode("\n\n");
  }
  const seen: number[] = [];
  for await (const frame of frames(pieces())) seen.push(frame.data?.length ?? 0);
  assert.deepEqual(seen, [400_000, 400_000, 400_000, 400_000, constants.limits.eventBytes - 8]);
});

test("frames are the same wherever the network cuts them", async () => {
  const text = "\uFEFFid: 1\r\nevent: tick\r\ndata: {\"a\":\r\ndata: \"ü\"}\r\n\r\n: comment\n\nretry: 7\rdata:x\r\rdata\n\nid: a\0b\ndata: y\n\n";
  const whole = new TextEncoder().encode(text);
  const expected = [
    { id: "1", event: "tick", data: '{"a":\n"ü"}' },
    { retry: 7, data: "x" },
    { data: "" },
    { data: "y" },
  ];
  for (let cut = 0; cut <= whole.length; cut++) {
    async function* pieces() {
      yield whole.slice(0, cut);
      yield whole.slice(cut);
    }
    const seen = [];
    for await (const frame of frames(pieces())) seen.push(frame);
    assert.deepEqual(seen, expected, `cut at byte ${cut}`);
  }
});

test("a run is followed to its end, and taken up again after a cut", async (t) => {
  const now = (progress: number) => `event: run\ndata: {"type":"run","run":{"id":"run 1","progress":${progress}}}\n\n`;
  const { url, asked } = await listen(t, (response, _, nth) => {
    if (nth > 1) return events(response, now(1), DONE).end();
    events(response, now(0.5));
    return setTimeout(() => response.destroy(), 20);
  });
  const seen: number[] = [];
  for await (const event of client(url).runs.follow("run 1")) if (event.type === "run") seen.push(event.run.progress);
  assert.deepEqual(seen, [0.5, 1]);
  assert.deepEqual(asked.map((one) => one.url), ["/runs/run%201/events", "/runs/run%201/events"]);
});

test("a backend without jobs has no runs to follow", async (t) => {
  const { url } = await listen(t, (response) => problem(response, 404, "not_found"));
  await assert.rejects(async () => {
    for await (const _ of client(url).runs.follow("run_1")) assert.fail("an event came");
  }, { code: "not_found" });
});
