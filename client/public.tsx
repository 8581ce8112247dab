/**
 * The backend's public functions, called without a token and without Clerk: for `"use cache"`, static pages, and pages
 * of people who are not signed in.
 */
import { createPublicBackend } from "./backend";
import { UsageError } from "./errors";

export const publicBackend = createPublicBackend({
  baseUrl: () => {
    // Next.js inserts the second value at build time, and only for this exact expression.
    const { BACKEND_API_URL: onServer } = process.env as { BACKEND_API_URL?: string };
    const inBrowser = (process.env as { NEXT_PUBLIC_BACKEND_API_URL?: string }).NEXT_PUBLIC_BACKEND_API_URL;
    const url = onServer || inBrowser;
    if (!url) {
      throw new UsageError("Set BACKEND_API_URL on the server, and NEXT_PUBLIC_BACKEND_API_URL for browsers, to the backend's URL.");
    }
    return url;
  },
});
