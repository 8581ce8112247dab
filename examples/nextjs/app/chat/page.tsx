import { Chat } from "./chat";

export const metadata = { title: "Ask the team" };

export default function Page() {
  return (
    <>
      <nav>
        <a href="/">Market regime</a>
      </nav>
      <h1>Ask the team</h1>
      <Chat />
    </>
  );
}
