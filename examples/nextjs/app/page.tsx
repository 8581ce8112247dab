import { Suspense } from "react";
import { backend } from "@/annex/server";
import { Card } from "./card";
import { Live } from "./live";
import { Me } from "./me";
import { Panel } from "./panel";
import { Record } from "./record";
import { Team } from "./team";

export default function Page() {
  return (
    <>
      <h1>Market regime</h1>
      <main>
        <Panel title="Server component" id="server">
          <Suspense fallback={<p>…</p>}>
            <Spy />
          </Suspense>
          <Suspense fallback={<p>…</p>}>
            <Unknown />
          </Suspense>
        </Panel>
        <Me />
        <Record />
        <Live symbol="SPY" />
        <Team />
        <Panel title="Chat" id="to-chat">
          <a href="/chat">Ask the team, with useChat</a>
        </Panel>
        <Panel title="Import" id="to-imports">
          <a href="/imports">Import readings, and follow the run</a>
        </Panel>
        <Panel title="Cached for everybody" id="cached">
          <Suspense fallback={<p>…</p>}>
            <Card />
          </Suspense>
        </Panel>
      </main>
    </>
  );
}

/** A server component: the call runs on the server, as the signed-in user, without a token in sight. */
async function Spy() {
  const { data: spy, error } = await backend.get("/signals/{symbol}", { path: { symbol: "SPY" } }).result();
  if (error) return <p className="error">{error.message}</p>;
  return (
    <p>
      {spy.symbol}: <b>{spy.regime}</b> at {spy.value}
    </p>
  );
}

async function Unknown() {
  const unknown = await backend.get("/signals/{symbol}", { path: { symbol: "NOPE" } }).result();
  if (unknown.ok) return null;
  return (
    <p className="error">
      {unknown.error.code}: {unknown.error.message} <code>{unknown.error.requestId}</code>
    </p>
  );
}
