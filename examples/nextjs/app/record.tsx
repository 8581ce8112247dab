"use client";

import { startTransition, useActionState, type FormEvent } from "react";
import { untouched } from "@/annex/action";
import { record } from "./actions";

/** A form whose fields are judged by the function that takes them. */
export function Record() {
  const [state, act, isPending] = useActionState(record, untouched);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault(); // with `action` alone, React empties a form that was refused too
    const form = new FormData(event.currentTarget);
    startTransition(() => act(form));
  }

  return (
    <section id="record">
      <h2>Server action</h2>
      <form action={act} onSubmit={submit}>
        <label>
          Value <input name="value" defaultValue="1.25" />
          <span className="error">{state.fields["value"]?.join(" ")}</span>
        </label>
        <label>
          Confidence <input name="confidence" defaultValue="0.9" />
          <span className="error">{state.fields["confidence"]?.join(" ")}</span>
        </label>
        <button disabled={isPending}>Record</button>
      </form>
      {state.data && <p id="recorded">Recorded {state.data.id}</p>}
      <p className="error">{state.message}</p>
    </section>
  );
}
