"use client";

import { useEffect, useState } from "react";
import { useBackend } from "@/annex/browser";
import type { Me as Answer } from "@/annex/index";
import { Panel } from "./panel";

/** A client component: the browser asks the backend itself, across origins, and a route handler of this app. */
export function Me() {
  const backend = useBackend();
  const [me, setMe] = useState<Answer>();
  const [routed, setRouted] = useState<string>();
  const [refusal, setRefusal] = useState<string>();

  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    void backend.get("/me", { signal }).result().then((result) => {
      if (result.ok) setMe(result.data);
      else if (result.error.code !== "aborted") setRefusal(result.error.message);
    });
    void backend.delete("/signals/{symbol}", { path: { symbol: "SPY" }, signal }).result().then((result) => {
      if (!result.ok && result.error.code === "forbidden") setRefusal(`${result.error.status} ${result.error.code}`);
    });
    void fetch("/api/signals/HYG-LQD", { signal }).then(async (answer) => setRouted(await answer.text()), () => undefined);
    return () => abort.abort();
  }, [backend]);

  return (
    <Panel title="Client component" id="me">
      <p>{me ? `${me.userId} in ${me.organizationId ?? "no organisation"}` : refusal ? "" : "…"}</p>
      <p className="error">{refusal}</p>
      <p>
        By a route handler: <code id="routed">{routed}</code>
      </p>
    </Panel>
  );
}
