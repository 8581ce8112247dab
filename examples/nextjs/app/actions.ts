"use server";

import { backend } from "@/annex/server";

export interface Recorded {
  id?: string;
  errors: string[];
}

/** A server action: what the form says goes to the function as it is, and its verdict comes back typed. */
export async function record(_: Recorded, form: FormData): Promise<Recorded> {
  const result = await backend
    .post("/signals", {
      body: {
        symbol: "SPY",
        regime: "RISK_ON",
        value: String(form.get("value")),
        confidence: Number(form.get("confidence")),
        observedAt: new Date().toISOString(),
      },
    })
    .result();
  if (result.ok) return { id: result.data.id, errors: [] };
  if (result.error.code === "invalid_input") {
    return { errors: result.error.errors.map((one) => `${one.field}: ${one.message}`) };
  }
  return { errors: [`${result.error.code}: ${result.error.message}`] };
}
