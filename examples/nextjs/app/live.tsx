"use client";

import { useEffect, useState } from "react";
import { useBackend } from "@/annex/browser";
import { isBackendError, type Signal } from "@/annex/index";

/** A stream that is followed for as long as the component is shown. */
export function Live({ symbol }: { symbol: string }) {
  const backend = useBackend();
  const [readings, setReadings] = useState<Signal[]>([]);
  const [error, setError] = useState<string>();

  useEffect(() => {
    const abort = new AbortController();
    async function follow() {
      for await (const event of backend.stream.get("/signals/{symbol}/live", { path: { symbol }, signal: abort.signal })) {
        if (event.type === "reading") setReadings((before) => [...before, event.signal].slice(-5));
      }
    }
    follow().catch((error: unknown) => {
      if (isBackendError(error) && error.code !== "aborted") setError(`${error.code}: ${error.message}`);
    });
    return () => abort.abort();
  }, [backend, symbol]);

  return (
    <section id="live">
      <h2>Live: {symbol}</h2>
      <ol>
        {readings.map((one) => (
          <li key={one.id}>
            {one.regime} at {one.value}
          </li>
        ))}
      </ol>
      <p className="error">{error}</p>
    </section>
  );
}
