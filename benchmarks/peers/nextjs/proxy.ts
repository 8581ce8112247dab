import { clerkMiddleware } from "@clerk/nextjs/server";

// With CLERK_JWT_KEY, tokens are verified without asking Clerk.
export default clerkMiddleware(() => undefined, () => {
  const jwtKey = process.env.CLERK_JWT_KEY;
  return jwtKey ? { jwtKey } : {};
});

export const config = { matcher: ["/((?!_next|.*\\..*).*)"] };
