"use server";

import { backend } from "@/annex/server";

export interface Recorded {
  id?: string;
  errors: string[];
}

/** A server action: what the form says goes to the function as it is, and its verdict comes back typed. */
export async function record(_: Recorded, form: FormData): Promise<Recorded> {
  const told = await backend
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
  if (told.ok) return { id: told.data.id, errors: [] };
  if (told.error.code === "invalid_input") {
    return { errors: told.error.errors.map((one) => `${one.field}: ${one.message}`) };
  }
  return { errors: [`${told.error.code}: ${told.error.message}`] };
}
