import { Chat } from "./chat";

export const metadata = { title: "Ask the team" };

export default function Page() {
  return (
    <>
      <h1>Ask the team</h1>
      <Chat />
    </>
  );
}
