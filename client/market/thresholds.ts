/** From a reading to a regime, as `shared/market/thresholds.py` decides it; readings and thresholds are decimal texts. */
export type Regime = "RISK_ON" | "NEUTRAL" | "RISK_OFF";

export interface Thresholds {
  /** At or above it, risk on. */
  risk_on: string;
  /** At or below it, risk off. */
  risk_off: string;
  /** How far back inside the band a reading must come before a regime is left; 0 by default. */
  release?: string;
}

/** The regime of `reading`, given the one before it. */
export function regime(reading: string, thresholds: Thresholds, previous: Regime | null = null): Regime {
  const [value, on, off, release] = aligned(reading, thresholds.risk_on, thresholds.risk_off, thresholds.release ?? "0");
  if (off >= on) throw new RangeError("risk_off must be below risk_on.");
  if (release < BigInt(0) || release >= on - off) throw new RangeError("release must be zero or more, and smaller than the band.");
  if (value >= on) return "RISK_ON";
  if (value <= off) return "RISK_OFF";
  if (previous === "RISK_ON" && value > on - release) return "RISK_ON";
  if (previous === "RISK_OFF" && value < off + release) return "RISK_OFF";
  return "NEUTRAL";
}

/** Integers in the same order and distance as the decimals. */
function aligned(...texts: [string, string, string, string]): [bigint, bigint, bigint, bigint] {
  for (const text of texts) {
    if (!/^-?[0-9]+(\.[0-9]+)?$/.test(text)) throw new RangeError("Expected a decimal number such as -12.50.");
  }
  const scale = Math.max(...texts.map((text) => text.split(".")[1]?.length ?? 0));
  return texts.map((text) => {
    const [whole = "", fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(scale, "0"));
  }) as [bigint, bigint, bigint, bigint];
}
