"use server";

import { formState, type FormState } from "@/annex/action";
import type { Signal } from "@/annex/index";
import { backend } from "@/annex/server";

/** A server action: what the form says goes to the function as it is, and its verdict comes back by field. */
export async function record(_: FormState<Signal>, form: FormData): Promise<FormState<Signal>> {
  return await formState(
    backend.post("/signals", {
      body: {
        symbol: "SPY",
        regime: "RISK_ON",
        value: String(form.get("value")),
        confidence: Number(form.get("confidence")),
        observedAt: new Date().toISOString(),
      },
    }),
  );
}
