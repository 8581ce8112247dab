import type { UIMessage } from "ai";

/** A message of the team: which run it comes from, and why that ended. */
export type TeamMessage = UIMessage<
  { runId?: string; stopReason?: string },
  { question: { agent: string; question: string; continuation: string; expiresAt: string } }
>;

/** What this tab keeps of one user's chat: a run that is under way is read again after a reload. */
export interface Kept {
  messages: TeamMessage[];
  runId?: string | undefined;
}

const key = (user: string) => `chat of ${user}`;

export function kept(user: string): Kept {
  const text = sessionStorage.getItem(key(user));
  return text === null ? { messages: [] } : (JSON.parse(text) as Kept);
}

/** Keep whole messages; one that is being written comes again with its run. */
export function keep(user: string, messages: TeamMessage[], isUnderWay: boolean) {
  const last = messages.at(-1);
  const isPiece = isUnderWay && last?.role === "assistant";
  const runId = isUnderWay ? (last?.metadata?.runId ?? kept(user).runId) : undefined;
  sessionStorage.setItem(key(user), JSON.stringify({ messages: isPiece ? messages.slice(0, -1) : messages, runId }));
}
