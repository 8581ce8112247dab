"use client";

/** The backend for client components, called from the browser as the signed-in user. */
import { useAuth } from "@clerk/nextjs";
import { useMemo } from "react";
import { createBackend, type BackendApiClient } from "./backend";
import { BackendError, UsageError } from "./errors";

/** Return a client that sends the session's token; each attempt asks Clerk for a current one. */
export function useBackend(): BackendApiClient {
  const { getToken } = useAuth();
  return useMemo(() => {
    const token = (options?: { skipCache?: boolean }) => getToken(options).catch(refuse);
    return createBackend({ baseUrl, getToken: token });
  }, [getToken]);
}

/** Clerk throws when the browser is offline; for a caller that is a network error. */
function refuse(cause: unknown): never {
  throw new BackendError("network", "Clerk did not return a session token.", { cause });
}

function baseUrl(): string {
  // Next.js inserts the value at build time, and only for this exact expression. The type is for apps that compile
  // with noPropertyAccessFromIndexSignature.
  const url = (process.env as { NEXT_PUBLIC_BACKEND_API_URL?: string }).NEXT_PUBLIC_BACKEND_API_URL;
  if (!url) {
    const cure = "Set it to the backend's URL, such as https://api.example.com, and build again.";
    throw new UsageError(`NEXT_PUBLIC_BACKEND_API_URL was not set when the app was built. ${cure}`);
  }
  return url;
}
