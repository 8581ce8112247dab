/**
 * The backend for server components, route handlers and server actions, called as the signed-in user.
 * No token is stored: each call asks Clerk for that of the current request.
 */
import "server-only";
import { auth } from "@clerk/nextjs/server";
import { createBackend } from "./backend";
import { UsageError } from "./errors";

export const backend = createBackend({
  baseUrl: () => {
    // On Railway: the backend's private address, such as http://annex.railway.internal:8000.
    const url = process.env["BACKEND_API_URL"];
    if (!url) throw new UsageError("Set BACKEND_API_URL to the backend's URL, such as http://localhost:8000.");
    return url;
  },
  getToken: async () => (await auth()).getToken(),
});
