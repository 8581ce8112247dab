import { backend } from "@/annex/server";
import { Live } from "./live";
import { Me } from "./me";
import { Panel } from "./panel";
import { Record } from "./record";
import { Team } from "./team";

/** A server component: the calls run on the server, as the signed-in user, without a token in sight. */
export default async function Page() {
  const spy = await backend.get("/signals/{symbol}", { path: { symbol: "SPY" } });
  const unknown = await backend.get("/signals/{symbol}", { path: { symbol: "NOPE" } }).result();
  return (
    <>
      <h1>Market regime</h1>
      <main>
        <Panel title="Server component" id="server">
          <p>
            {spy.symbol}: <b>{spy.regime}</b> at {spy.value}
          </p>
          {!unknown.ok && (
            <p className="error">
              {unknown.error.code}: {unknown.error.message} <code>{unknown.error.requestId}</code>
            </p>
          )}
        </Panel>
        <Me />
        <Record />
        <Live symbol="SPY" />
        <Team />
      </main>
    </>
  );
}
