import { auth } from "@clerk/nextjs/server";

/** The answer for somebody who is not signed in, null for everybody else. */
export async function refusal(): Promise<Response | null> {
  const { userId } = await auth();
  return userId ? null : Response.json({ code: "unauthenticated" }, { status: 401 });
}
