"use client";

import { useActionState } from "react";
import { record } from "./actions";
import { Panel } from "./panel";

export function Record() {
  const [result, act, isPending] = useActionState(record, { errors: [] });
  return (
    <Panel title="Server action" id="record">
      <form action={act}>
        <label>
          Value <input name="value" defaultValue="1.25" />
        </label>
        <label>
          Confidence <input name="confidence" defaultValue="0.9" />
        </label>
        <button disabled={isPending}>Record</button>
      </form>
      {result.id && <p id="recorded">Recorded {result.id}</p>}
      {result.errors.map((one) => (
        <p className="error" key={one}>
          {one}
        </p>
      ))}
    </Panel>
  );
}
