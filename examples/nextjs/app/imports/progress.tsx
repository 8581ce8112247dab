"use client";

import { useEffect, useState } from "react";
import { useBackend } from "@/annex/browser";
import { isBackendError, type Imported, type RunState } from "@/annex/index";
import { Panel } from "../panel";

/** Follows a run to its end, and cancels it. */
export function Progress({ id }: { id: string }) {
  const backend = useBackend();
  const [run, setRun] = useState<RunState>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    const leaving = new AbortController();
    async function follow() {
      for await (const event of backend.runs.follow(id, { signal: leaving.signal })) if (event.type === "run") setRun(event.run);
    }
    follow().catch((error: unknown) => {
      if (isBackendError(error) && error.code !== "aborted") setFailure(error.message);
    });
    return () => leaving.abort();
  }, [backend, id]);

  async function cancel() {
    const cancelled = await backend.delete("/runs/{id}", { path: { id } }).result();
    if (!cancelled.ok) setFailure(cancelled.error.message);
  }

  const isUnderWay = run?.state === "queued" || run?.state === "running";
  const imported = run?.state === "done" ? (run.result as Imported) : undefined;
  return (
    <Panel title="Run" id="run">
      {run && (
        <>
          <progress value={run.progress} aria-label="Progress" />
          <output>
            {run.state}, {Math.round(run.progress * 100)} %
          </output>
        </>
      )}
      {imported && (
        <p>
          {imported.recorded} recorded, {imported.known} known before.
        </p>
      )}
      {run?.error && <p className="error">{run.error.detail}</p>}
      {isUnderWay && <button onClick={() => void cancel()}>Cancel</button>}
      <p className="error">{failure}</p>
    </Panel>
  );
}
