import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import type * as Client from "../index";
import type { Routes, Streams } from "./contract";
import { json, listen } from "./listener";

/** Load the client where there are only the globals of the web: no `process`, no `Buffer`, no `require` of Node's own. */
function loadAtTheEdge(): typeof Client {
  const web = { AbortController, Blob, FormData, Headers, TextDecoder, TextEncoder, URL, URLSearchParams, atob, btoa, clearTimeout, fetch, performance, setTimeout };
  const context = createContext({ ...web });
  const loaded = new Map<string, { exports: unknown }>();
  const load = (path: string): unknown => {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(path, module);
    const require = (name: string) => {
      assert.match(name, /^\.\//, `the client asks for ${name}, which an edge runtime does not have`);
      return load(resolve(dirname(path), name));
    };
    const run = runInContext(`(function (require, module, exports) {${readFileSync(`${path}.js`, "utf8")}\n})`, context);
    run(require, module, module.exports);
    return module.exports;
  };
  return load(join(__dirname, "..", "index")) as typeof Client;
}

test("the client runs where there are only the globals of the web", async (t) => {
  const { url, asked } = await listen(t, (response, one) =>
    one.url === "/health" ? json(response, { status: "ok" }) : json(response, { code: "not_found", detail: "No.", status: 404 }, 404));
  const { BackendApiClient, createBackend } = loadAtTheEdge();
  assert.equal((await createBackend({ baseUrl: url }).healthCheck()).status, "ok");
  const backend = new BackendApiClient<Routes, Streams>({ baseUrl: url, getToken: () => "t" });
  const result = await backend.get("/signals/{symbol}", { path: { symbol: "SPY" } }).result();
  assert.equal(result.error?.code, "not_found");
  assert.equal(asked[1]?.headers.authorization, "Bearer t");
});
