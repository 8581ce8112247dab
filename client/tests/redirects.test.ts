import assert from "node:assert/strict";
import { test } from "node:test";
import { Redirected } from "../index";
import { client, type Signal } from "./contract";
import { json, listen } from "./listener";

const order = { symbol: "SPY", value: "1" };

for (const status of [301, 302, 303, 307, 308]) {
  test(`a ${status} is not followed, and is an error where no redirect was asked for`, async (t) => {
    const { url, asked } = await listen(t, (response) => response.writeHead(status, { location: "/signals?token=x" }).end());
    const read = await client(url).get("/signals").result();
    const written = await client(url).post("/signals", { body: order }).result();
    assert.deepEqual([read.error?.code, read.error?.status, read.error?.retryable], ["protocol", status, false]);
    assert.match(read.error?.message ?? "", /is a redirect to \/signals, and none is followed/);
    assert.equal(written.error?.code, "protocol");
    assert.deepEqual(asked.map((one) => one.method), ["GET", "POST"]);
  });
}

test("a redirect that a function answers with is read with its location, by any method", async (t) => {
  const { url, asked } = await listen(t, (response) => response.writeHead(303, { location: "https://pay.example/7" }).end());
  const moved: Redirected = await client(url).get("/moved").redirect();
  const paid: Signal | Redirected = await client(url).post("/checkout", { body: order }).redirect();
  assert.ok(paid instanceof Redirected);
  assert.deepEqual([moved.location, paid.location], ["https://pay.example/7", "https://pay.example/7"]);
  assert.deepEqual(asked.map((one) => one.method), ["GET", "POST"]);
});

test("what may redirect and does not is the value, or the file", async (t) => {
  const { url } = await listen(t, (response, one) =>
    one.method === "POST" ? json(response, order) : response.writeHead(200, { "content-type": "image/png" }).end("png"));
  assert.deepEqual(await client(url).post("/checkout", { body: order }).redirect(), order);
  assert.deepEqual(await client(url).post("/checkout", { body: order }), order);
  const file = await client(url).get("/download").redirect();
  assert.ok(file instanceof File);
  assert.equal(await file.text(), "png");
});

test("a browser's opaque redirect has no location, and is an error where none was asked for", async () => {
  const opaque = Object.defineProperties(new Response(), { type: { value: "opaqueredirect" }, ok: { value: false }, status: { value: 0 } });
  const backend = client("https://backend.example", { fetch: async () => opaque });
  assert.deepEqual(await backend.get("/moved").redirect(), new Redirected(undefined));
  const refused = await backend.get("/signals").result();
  assert.deepEqual([refused.error?.code, refused.error?.status], ["protocol", undefined]);
});

test("a stream that redirects is a protocol error at once", async (t) => {
  const { url, asked } = await listen(t, (response) => response.writeHead(302, { location: "/live" }).end());
  await assert.rejects(async () => {
    for await (const _ of client(url).stream.get("/live")) assert.fail();
  }, { code: "protocol" });
  assert.equal(asked.length, 1);
});
