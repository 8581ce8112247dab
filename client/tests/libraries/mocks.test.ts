import { http } from "msw";
import { setupServer } from "msw/node";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { createMocks, failure } from "../../mocks";
import { client, type Routes, type Signal, type Streams } from "../contract";

const URL_OF_BACKEND = "https://api.example.com/v1/";
const server = setupServer();
const mock = createMocks<ReturnType<typeof http.get>, Routes, Streams>(http, URL_OF_BACKEND);
const backend = client(URL_OF_BACKEND, { retries: 0 });
const spy: Signal = { symbol: "SPY", value: "1" };

before(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
after(() => server.close());

test("a mocked call answers with a value, or with what it makes of the question", async () => {
  server.use(
    mock.get("/signals/{symbol}", ({ path }) => ({ symbol: path.symbol, value: "2" })),
    mock.get("/files/{...path}", ({ request }) => new URL(request.url).pathname),
    mock.post("/signals", async ({ request }) => (await request.json()) as Signal),
    mock.delete("/signals/{symbol}", undefined),
    mock.get("/report", new Blob(["a,b"], { type: "text/csv" })),
  );
  assert.deepEqual(await backend.get("/signals/{symbol}", { path: { symbol: "HYG/IEF" } }), { symbol: "HYG/IEF", value: "2" });
  assert.equal(await backend.get("/files/{...path}", { path: { path: "a/b" } }), "/v1/files/a/b");
  assert.deepEqual(await backend.post("/signals", { body: spy }), spy);
  assert.equal(await backend.delete("/signals/{symbol}", { path: { symbol: "SPY" } }), undefined);
  assert.equal(await backend.get("/report").text(), "a,b");
});

test("a mocked error has the status of its code and what was told of it", async () => {
  const errors = [{ location: "body", field: "value", message: "expected a decimal" }];
  server.use(mock.post("/signals", failure("invalid_input", { errors })), mock.get("/signals", failure("overloaded", { retryAfter: 2 })));
  const invalid = await backend.post("/signals", { body: spy }).result();
  const busy = await backend.get("/signals").result();
  assert.deepEqual([invalid.error?.code, invalid.error?.status, invalid.error?.errors], ["invalid_input", 400, errors]);
  assert.deepEqual([busy.error?.code, busy.error?.status, busy.error?.retryAfter], ["overloaded", 503, 2000]);
});

test("a mocked stream gives its events", async () => {
  server.use(mock.stream.get("/live", [{ type: "tick", n: 1 }, { type: "done" }]));
  const seen = [];
  for await (const event of backend.stream.get("/live")) seen.push(event.type);
  assert.deepEqual(seen, ["tick", "done"]);
});

/** Compiled, never run. */
export function mistakes() {
  // @ts-expect-error this route has no such error
  mock.post("/signals", failure("range_not_satisfiable"));
  // @ts-expect-error nor such a value
  mock.get("/signals/{symbol}", { symbol: 1 });
  // @ts-expect-error there is no such path
  mock.get("/nothing", undefined);
  // @ts-expect-error there is no such event
  mock.stream.get("/live", [{ type: "tock" }]);
}
