"use client";

/** The backend as client components call it: from the browser, across origins, as the signed-in user. */
import { useAuth } from "@clerk/nextjs";
import { useMemo } from "react";
import { createBackend, type BackendApiClient } from "./backend";
import { BackendError } from "./errors";
import { UsageError } from "./transport";

/** A client whose calls carry the session's current token; Clerk is asked for it at each attempt. */
export function useBackend(): BackendApiClient {
  const { getToken } = useAuth();
  return useMemo(() => {
    const token = (options?: { skipCache?: boolean }) => getToken(options).catch(refuse);
    return createBackend({ baseUrl, getToken: token });
  }, [getToken]);
}

/** Clerk throws when the browser is offline; to a caller that is the same as a backend out of reach. */
function refuse(cause: unknown): never {
  throw new BackendError("network", "No session token could be had.", { cause });
}

function baseUrl(): string {
  // Next.js puts the value in at build time, and only where the name is written out like this. The type is for apps
  // that compile with noPropertyAccessFromIndexSignature.
  const url = (process.env as { NEXT_PUBLIC_BACKEND_API_URL?: string }).NEXT_PUBLIC_BACKEND_API_URL;
  if (!url) throw new UsageError("Set NEXT_PUBLIC_BACKEND_API_URL when the app is built, such as https://api.example.com.");
  return url;
}
