/** Run by the backend's own end-to-end tests against a real service: prints what a caller sees, as JSON. */
import { createBackend } from "../../index";

async function main(): Promise<void> {
  const { BACKEND_API_URL = "", TOKEN = "" } = process.env;
  const backend = createBackend({ baseUrl: BACKEND_API_URL, getToken: () => TOKEN });

  const spy = await backend.get("/signals/{symbol}", { path: { symbol: "SPY" } });
  const unknown = await backend.get("/signals/{symbol}", { path: { symbol: "NOPE" } }).result();
  const invalid = await backend.get("/signals", { query: { limit: 1000 } }).result();
  const unauthenticated = await createBackend({ baseUrl: BACKEND_API_URL }).get("/me").result();

  // A detached run is left in the middle, and taken up again where it was left.
  const ids: string[] = [];
  let runId = "";
  const body = { messages: [{ role: "user" as const, content: "Is the market seeking risk?" }] };
  const begun = backend.stream.post("/agents/regime", { query: { detach: true }, body });
  for await (const event of begun) {
    if (event.type === "run_started") runId = event.runId;
    ids.push(begun.lastEventId ?? "");
    if (event.type === "tool_call") break;
  }
  const left = ids.length;
  const resumed = backend.stream.get("/agents/runs/{run_id}", {
    path: { run_id: runId },
    ...(begun.lastEventId === undefined ? {} : { lastEventId: begun.lastEventId }),
  });
  let last = "";
  for await (const event of resumed) {
    ids.push(resumed.lastEventId ?? "");
    last = event.type;
  }

  const health = await backend.healthCheck();
  console.log(JSON.stringify({
    symbol: spy.symbol,
    unknown: unknown.error?.code,
    fields: invalid.error?.errors.map((one) => one.field),
    unauthenticated: unauthenticated.error?.status,
    left, ids, last,
    health: health.status,
  }));
}

void main();
