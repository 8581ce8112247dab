import type { TeamMessage } from "./kept";

type Of = TeamMessage["parts"][number];
type Tool = Extract<Of, { type: "dynamic-tool" }>;

const STATES: Partial<Record<Tool["state"], string>> = {
  "approval-requested": "waits for you",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "declined",
};

/** One part of a message: text and who says it, reasoning, a tool with its state, a question to the person. */
export function Part({ part, answer }: { part: Of; answer: (id: string, approved: boolean) => void }) {
  switch (part.type) {
    case "text": {
      const agent = part.providerMetadata?.["annex"]?.["agent"];
      return (
        <p className="text">
          {typeof agent === "string" && <b className="agent">{agent} </b>}
          {part.text}
        </p>
      );
    }
    case "reasoning":
      return <p className="reasoning">{part.text}</p>;
    case "data-question":
      return <p className="question">{part.data.question}</p>;
    case "dynamic-tool": {
      const { approval } = part;
      return (
        <p className="tool">
          <code>{part.toolName}</code> {STATES[part.state] ?? "…"}
          {part.state === "approval-requested" && approval && (
            <>
              {" "}
              <button onClick={() => answer(approval.id, true)}>Approve</button>{" "}
              <button onClick={() => answer(approval.id, false)}>Decline</button>
            </>
          )}
        </p>
      );
    }
    default:
      return null;
  }
}
