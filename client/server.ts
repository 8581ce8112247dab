/**
 * The backend as server components, route handlers and server actions call it: as the signed-in user.
 * No token is kept: each call asks Clerk for the one of the request at hand.
 */
import "server-only";
import { auth } from "@clerk/nextjs/server";
import { createBackend } from "./backend";
import { UsageError } from "./transport";

export const backend = createBackend({
  baseUrl: () => {
    // Where both run on Railway: the backend's private address, such as http://annex.railway.internal:8000.
    const url = process.env["BACKEND_API_URL"];
    if (!url) throw new UsageError("Set BACKEND_API_URL to where the backend is, such as http://localhost:8000.");
    return url;
  },
  getToken: async () => (await auth()).getToken(),
});
