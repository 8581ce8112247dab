import assert from "node:assert/strict";
import { test } from "node:test";
import { client } from "./contract";
import { json, listen, problem } from "./listener";

test("a text is read as text, or as a file with its name", async (t) => {
  const { url, asked } = await listen(t, (response) =>
    response
      .writeHead(200, { "content-type": "text/csv; charset=utf-8", "content-disposition": "attachment; filename=\"G_.csv\"; filename*=UTF-8''G%C3%BC.csv" })
      .end("SPY,ü\n"),
  );
  const text: string = await client(url).get("/report").text();
  const file: File = await client(url).get("/report").blob();
  assert.deepEqual([text, await file.text(), file.name, file.type], ["SPY,ü\n", "SPY,ü\n", "Gü.csv", "text/csv; charset=utf-8"]);
  assert.deepEqual(asked.map((one) => one.headers.accept), ["*/*", "*/*"]);
});

test("a picture is read as a file, without a name where it has none", async (t) => {
  const { url } = await listen(t, (response) => response.writeHead(200, { "content-type": "image/png" }).end(Buffer.from([137, 80])));
  const file = await client(url).get("/logo").blob();
  assert.deepEqual([[...new Uint8Array(await file.arrayBuffer())], file.name, file.type], [[137, 80], "", "image/png"]);
});

test("the error of a content is an error, also as a result", async (t) => {
  const { url } = await listen(t, (response) => problem(response, 404, "not_found"));
  const result = await client(url).get("/report").text().result();
  assert.equal(result.ok, false);
  assert.equal(result.error?.code, "not_found");
});

test("a call with a key is retried with the same key, also while the first one runs", async (t) => {
  const { url, asked } = await listen(t, (response, _, nth) => {
    if (nth === 1) response.destroy();
    else if (nth === 2) problem(response, 409, "idempotency_in_progress");
    else json(response, { symbol: "SPY", value: "1" });
  });
  const body = { symbol: "SPY", value: "1" };
  assert.deepEqual(await client(url).post("/orders", { body, idempotencyKey: "a-1" }), body);
  assert.deepEqual(asked.map((one) => one.headers["idempotency-key"]), ["a-1", "a-1", "a-1"]);
  assert.deepEqual(asked.map((one) => one.body), Array(3).fill(JSON.stringify(body)));
});

test("a call without a key is not retried, and another function takes none", async (t) => {
  const { url, asked } = await listen(t, (response) => problem(response, 503, "unavailable"));
  const body = { symbol: "SPY", value: "1" };
  await assert.rejects(client(url).post("/orders", { body }), { code: "unavailable" });
  // @ts-expect-error this function keeps no answers
  await assert.rejects(client(url).post("/signals", { body, idempotencyKey: "a-1" }), { code: "unavailable" });
  assert.equal(asked[0]?.headers["idempotency-key"], undefined);
});
