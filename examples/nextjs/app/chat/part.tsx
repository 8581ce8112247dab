import type { TeamMessage } from "./kept";

/** One part of a message: text, reasoning, a tool with its state, a question to the person. */
export function Part({ part, answer }: { part: TeamMessage["parts"][number]; answer: (id: string, approved: boolean) => void }) {
  switch (part.type) {
    case "text":
      return <p className="text">{part.text}</p>;
    case "reasoning":
      return <p className="reasoning">{part.text}</p>;
    case "data-question":
      return <p className="question">{part.data.question}</p>;
    case "dynamic-tool": {
      const { approval } = part;
      return (
        <p className="tool">
          <code>{part.toolName}</code> {part.state}{" "}
          {part.state === "approval-requested" && approval && (
            <>
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
