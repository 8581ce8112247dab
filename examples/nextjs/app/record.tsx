"use client";

import { useActionState } from "react";
import { untouched } from "@/annex/action";
import { record } from "./actions";

/** A form whose fields are judged by the function that takes them. */
export function Record() {
  const [state, act, isPending] = useActionState(record, untouched);
  return (
    <section id="record">
      <h2>Server action</h2>
      <form action={act}>
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
