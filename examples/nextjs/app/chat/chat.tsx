"use client";

import { useAuth } from "@clerk/nextjs";
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from "ai";
import { useEffect, useMemo, useState, type FormEvent } from "react";
import { keep, kept, type TeamMessage } from "./kept";
import { Part } from "./part";

const AGENTS = `${process.env.NEXT_PUBLIC_BACKEND_API_URL}/agents`;

/** A chat with the team, by `useChat` as it is published. */
export function Chat() {
  const { userId } = useAuth();
  return userId ? <Conversation key={userId} user={userId} /> : <p>…</p>;
}

function Conversation({ user }: { user: string }) {
  const { getToken } = useAuth();
  const [text, setText] = useState("");
  const [before] = useState(() => kept(user));
  const headers = async () => ({ Authorization: `Bearer ${await getToken()}` });
  const transport = useMemo(
    () =>
      new DefaultChatTransport<TeamMessage>({
        api: `${AGENTS}/regime?detach=true`,
        headers,
        prepareReconnectToStreamRequest: () => ({ api: `${AGENTS}/runs/${before.runId}?chat=ui-messages` }),
      }),
    [user],
  );
  const { messages, sendMessage, addToolApprovalResponse, stop, status, error } = useChat<TeamMessage>({
    id: user,
    messages: before.messages,
    resume: before.runId !== undefined,
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const isUnderWay = status === "submitted" || status === "streaming";
  useEffect(() => keep(user, messages, isUnderWay), [user, messages, isUnderWay]);

  async function end() {
    const runId = messages.at(-1)?.metadata?.runId;
    if (runId) await fetch(`${AGENTS}/runs/${runId}`, { method: "DELETE", headers: await headers() });
    await stop();
  }

  function send(event: FormEvent) {
    event.preventDefault();
    void sendMessage({ text });
    setText("");
  }

  return (
    <section id="chat">
      {messages.map((message) => (
        <article key={message.id} className={message.role}>
          {message.parts.map((part, place) => (
            <Part
              key={place}
              part={part}
              answer={(id, approved) => void addToolApprovalResponse({ id, approved })}
            />
          ))}
        </article>
      ))}
      {error && <p className="error">{error.message}</p>}
      <form onSubmit={send}>
        <input value={text} onChange={(event) => setText(event.target.value)} aria-label="Message" required />
        {isUnderWay ? <button type="button" onClick={() => void end()}>Stop</button> : <button>Send</button>}
      </form>
      <output>{status}</output>
    </section>
  );
}
