/** What a contract with every construct lets a caller write, and what it must not. Compiled, never run. */
import { createBackend, createPublicBackend, isBackendError, type BackendError, type Everything, type EverythingInput, type Redirected } from "../index";

const backend = createBackend({ baseUrl: "https://backend.example" });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => undefined;

export async function inputs(input: EverythingInput) {
  const result: Everything = await backend.post("/constructs", { body: input });

  // What has a default may be left out of a request and is always there in an answer.
  same<EverythingInput["defaulted"], number | undefined>(true);
  same<Everything["defaulted"], number>(true);
  same<Everything["listed"], number[]>(true);
  same<Everything["maybe"], string | undefined>(true);
  same<Everything["patch"], string | null | undefined>(true);
  same<Everything["nullable"], string | null>(true);
  same<Everything["side"], "buy" | "sell">(true);
  same<Everything["priority"], 1 | 2>(true);
  same<Everything["mixed"], "a" | 1>(true);
  same<Everything["pair"], [string, number]>(true);
  same<Everything["many"], string[]>(true);
  same<Everything["unique"], number[]>(true);
  same<Everything["byName"], { [key: string]: string }>(true);
  same<Everything["exact"], string>(true);
  same<Everything["when"], string>(true);
  same<Everything["anything"], unknown>(true);
  same<Everything["venue"]["open"], boolean>(true);
  same<Everything["note"]["author"], string | undefined>(true);
  same<Everything["page"]["items"][number]["price"], string>(true);
  if (result.kind.type === "limit") result.kind.price.slice();
  // @ts-expect-error a market order has no price
  else result.kind.price;
  const child = result.node.children[0];
  // @ts-expect-error it may not be there
  child.name;
  child?.children[0]?.name;

  // @ts-expect-error the enum has no such member
  input.side = "hold";
  // @ts-expect-error null is not absence
  input.maybe = null;
  input.patch = null;
  // @ts-expect-error a required field is missing
  await backend.post("/constructs", { body: { text: "A" } });
  // @ts-expect-error there is no body at all
  await backend.post("/constructs");
}

export async function addresses() {
  await backend.get("/constructs", { query: { tags: ["a"], since: new Date(), limit: undefined } });
  // @ts-expect-error `tags` has no default
  await backend.get("/constructs");
  // @ts-expect-error `limit` is a number
  await backend.get("/constructs", { query: { tags: [], limit: "5" } });
  // @ts-expect-error there is no such parameter
  await backend.get("/constructs", { query: { tags: [], page: 1 } });
  await backend.get("/files/{...path}", { path: { path: "a/b" } });
  same<Awaited<ReturnType<typeof remove>>, undefined>(true);
  // @ts-expect-error there is no such route
  await backend.get("/nothing");
  // @ts-expect-error there is, but not for this method
  await backend.put("/constructs", {});
  // @ts-expect-error a stream is not a call
  await backend.get("/ticks");
  // @ts-expect-error and a call is not a stream
  backend.stream.get("/constructs");
}

export async function headersAndForms(file: File) {
  await backend.get("/quotes", { headers: { "X-Api-Key": "k", "X-Depth": 2, "X-Tag": ["a"], "X-Since": new Date(), "x-other": "o" } });
  // @ts-expect-error the key has no default
  await backend.get("/quotes");
  // @ts-expect-error nor here
  await backend.get("/quotes", { headers: { "X-Depth": 2 } });
  // @ts-expect-error the depth is a number
  await backend.get("/quotes", { headers: { "X-Api-Key": "k", "X-Depth": "2" } });
  await backend.post("/quotes", { form: { title: "Q1", file, pages: [file, new Blob()] } });
  await backend.post("/quotes", { form: new FormData() });
  await backend.put("/quotes");
  await backend.put("/quotes", { form: { text: "n", urgent: true } });
  // @ts-expect-error the title is missing
  await backend.post("/quotes", { form: { file } });
  // @ts-expect-error a file is no text
  await backend.post("/quotes", { form: { title: "Q1", file: "text" } });
  // @ts-expect-error a form is no body
  await backend.post("/quotes", { body: { title: "Q1", file } });
}

function remove(id: string) {
  return backend.delete("/items/{id}", { path: { id } });
}

/** An exhaustive switch: a new code of this route makes it fail to compile. */
export async function errors(id: string): Promise<string> {
  const result = await remove(id).result();
  if (result.ok) return "gone";
  const { error } = result;
  switch (error.code) {
    case "not_found":
    case "conflict":
    case "forbidden":
    case "unauthenticated":
      return error.problem?.detail ?? "";
    case "invalid_input":
      return error.errors.map((one) => one.field).join();
    case "rate_limited":
    case "auth_unavailable":
    case "unavailable":
    case "overloaded":
    case "shutting_down":
    case "function_unavailable":
    case "deadline_exceeded":
      return `again in ${error.retryAfter}`;
    case "malformed_request":
    case "uri_too_long":
    case "headers_too_large":
    case "internal_error":
    case "function_stalled":
    case "network":
    case "timeout":
    case "aborted":
    case "protocol":
    case "stream_interrupted":
    case "unknown":
      return error.message;
    default:
      return unreachable(error);
  }
}

function unreachable(_: never): never {
  throw new Error();
}

export async function caught(id: string) {
  try {
    await remove(id);
  } catch (error) {
    if (isBackendError(error, "conflict")) same<typeof error, BackendError<"conflict">>(true);
    else throw error;
  }
}

export async function streams() {
  for await (const event of backend.stream.get("/ticks")) {
    if (event.type === "tick") event.n.toFixed();
    else if (event.type === "gap") event.missed.toFixed();
    else same<typeof event.type, "done">(true);
    // @ts-expect-error failures are thrown, not yielded
    if (event.type === "error") return;
  }
}

export async function contents() {
  same<Awaited<ReturnType<typeof text>>, string>(true);
  const file: File = await backend.put("/contents").blob();
  // @ts-expect-error a picture is no text
  backend.put("/contents").text();
  const values: number[] = await backend.post("/contents", { idempotencyKey: "a" });
  // @ts-expect-error this function keeps no answers
  backend.put("/contents", { idempotencyKey: "a" });
  const listed: number[] = await backend.patch("/contents");
  const either: number[] | Redirected = await backend.patch("/contents").redirect();
  const moved: Redirected = await backend.delete("/contents").redirect();
  const location: string | undefined = moved.location;
  // @ts-expect-error it answers with nothing but a redirect
  backend.delete("/contents").text();
  // @ts-expect-error this function does not redirect
  backend.post("/contents").redirect();
  return [file.name, values, listed, either, location];
}

function text() {
  return backend.get("/contents").text();
}

export async function open(input: EverythingInput) {
  const backend = createPublicBackend({ baseUrl: "https://backend.example" });
  same<Awaited<ReturnType<typeof post>>, Everything>(true);
  // @ts-expect-error this function asks for a session
  backend.get("/contents");
  // @ts-expect-error and a public client has none
  createPublicBackend({ baseUrl: "https://backend.example", getToken: () => "t" });
  function post() {
    return backend.post("/constructs", { body: input });
  }
}
