"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { useState, type FormEvent } from "react";
import { useBackend } from "@/annex/browser";
import type { BackendError, NewSignal } from "@/annex/index";
import { Panel } from "../panel";
import { Progress } from "./progress";

const EXAMPLE = `SPY, RISK_ON, 1.25, 0.9, 2026-11-20T15:30:00Z
SPY, NEUTRAL, 1.02, 0.6, 2026-11-23T15:30:00Z
HYG-LQD, RISK_OFF, 0.71, 0.8, 2026-11-23T15:30:00Z`;

/** Starts an import; its run is in the address, so a reload follows it again. */
export function Imports() {
  const backend = useBackend();
  const router = useRouter();
  const run = useSearchParams().get("run");
  const [refusals, setRefusals] = useState<string[]>([]);
  const [isPending, setPending] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const lines = String(new FormData(event.currentTarget).get("readings")).split("\n");
    setPending(true);
    const queued = await backend.post("/imports", { body: { readings: lines.filter((line) => line.trim()).map(reading) } }).result();
    setPending(false);
    if (queued.ok) router.replace(`/imports?run=${queued.data.id}`);
    setRefusals(queued.ok ? [] : refusalsOf(queued.error));
  }

  return (
    <main>
      <Panel title="Readings" id="import">
        <form onSubmit={(event) => void submit(event)}>
          <label>
            One a line: symbol, regime, value, confidence, moment
            <textarea name="readings" rows={8} defaultValue={EXAMPLE} spellCheck={false} required />
          </label>
          <button disabled={isPending}>Import</button>
        </form>
        {refusals.map((refusal) => (
          <p className="error" key={refusal}>
            {refusal}
          </p>
        ))}
      </Panel>
      {run && <Progress key={run} id={run} />}
    </main>
  );
}

function refusalsOf(error: BackendError): string[] {
  return error.errors.length ? error.errors.map(({ field, message }) => `${field}: ${message}`) : [error.message];
}

/** Read one line; whether it is a reading, the function decides. */
function reading(line: string): NewSignal {
  const [symbol = "", regime = "", value = "", confidence = "", observedAt = ""] = line.split(",").map((word) => word.trim());
  return { symbol, regime: regime as NewSignal["regime"], value, confidence: Number(confidence), observedAt };
}
