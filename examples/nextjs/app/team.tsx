"use client";

import { useState } from "react";
import { useBackend } from "@/annex/browser";
import { isBackendError } from "@/annex/index";
import { Panel } from "./panel";

/** A team of agents, rendered while it speaks. */
export function Team() {
  const backend = useBackend();
  const [lines, setLines] = useState<string[]>([]);

  async function ask() {
    setLines([]);
    const say = (line: string) => setLines((before) => [...before, line]);
    const body = { messages: [{ role: "user" as const, content: "Is the market seeking risk?" }] };
    try {
      for await (const event of backend.stream.post("/agents/regime", { body })) {
        if (event.type === "message") say(`${event.agent}: ${event.text}`);
        else if (event.type === "tool_call") say(`${event.agent} looks up ${event.tool}`);
        else if (event.type === "done") say(`done: ${event.stopReason}`);
      }
    } catch (error) {
      if (!isBackendError(error)) throw error;
      say(`${error.code}: ${error.message}`);
    }
  }

  return (
    <Panel title="Agents" id="team">
      <button onClick={() => void ask()}>Ask the team</button>
      <ol>
        {lines.map((line, place) => (
          <li key={place}>{line}</li>
        ))}
      </ol>
    </Panel>
  );
}
