/** A page that uses the optional files with the real libraries; a test bundles it and opens it in a browser. */
import { QueryClient, QueryClientProvider, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useActionState } from "react";
import { createRoot } from "react-dom/client";
import useSWR from "swr";
import useSWRInfinite from "swr/infinite";
import useSWRMutation from "swr/mutation";
import { formState, untouched, type FormState } from "../../action";
import { mutation, pages, query } from "../../query";
import { client, type Signal } from "../contract";

const backend = client("/backend", { retries: 0 });
const spy = query(backend, "/signals/{symbol}", { path: { symbol: "SPY" } });
const history = pages(backend, "/history", { query: { symbol: "SPY" } });
const record = mutation(backend, "post", "/signals");
const body = { symbol: "SPY", value: "7" };

function Tanstack() {
  const one = useQuery(spy);
  const all = useInfiniteQuery(history);
  const recording = useMutation(record);
  return (
    <section id="tanstack">
      <p>{one.data?.value}</p>
      <p>{all.data?.pages.flatMap((page) => page.items.map((item) => item.value)).join(" ")}</p>
      <button onClick={() => void all.fetchNextPage()}>more</button>
      <button onClick={() => recording.mutate({ body })}>record</button>
      <p>{recording.data?.value}</p>
    </section>
  );
}

function Swr() {
  const one = useSWR(spy.queryKey, spy.queryFn);
  const all = useSWRInfinite(history.getKey, history.fetcher);
  const recording = useSWRMutation(record.mutationKey, (_, { arg }: { arg: { body: Signal } }) => record.mutationFn(arg));
  return (
    <section id="swr">
      <p>{one.data?.value}</p>
      <p>{all.data?.flatMap((page) => page.items.map((item) => item.value)).join(" ")}</p>
      <button onClick={() => void all.setSize(2)}>more</button>
      <button onClick={() => void recording.trigger({ body })}>record</button>
      <p>{recording.data?.value}</p>
    </section>
  );
}

async function send(_: FormState<Signal>, form: FormData): Promise<FormState<Signal>> {
  return await formState(backend.post("/signals", { body: { symbol: "SPY", value: String(form.get("value")) } }));
}

function Form() {
  const [state, act] = useActionState(send, untouched);
  return (
    <form id="form" action={act}>
      <input name="value" />
      <button>send</button>
      <p>{state.data ? `recorded ${state.data.value}` : state.fields["value"]?.join(", ")}</p>
    </form>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <QueryClientProvider client={new QueryClient()}>
    <Tanstack />
    <Swr />
    <Form />
  </QueryClientProvider>,
);
