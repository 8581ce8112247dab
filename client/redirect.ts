/** Redirects: the client follows none, and hands the one that a function answers with to whoever calls it. */
import { BackendError, type Failure } from "./errors";

/** A redirect that was not followed. */
export class Redirected {
  /** The URL as the function wrote it, a path or absolute; undefined in a browser, which does not show it. */
  readonly location: string | undefined;

  constructor(location: string | undefined) {
    this.location = location;
  }
}

const STATUSES = new Set([301, 302, 303, 307, 308]);

/** Whether the response is a redirect; a browser shows one without status and headers, as opaque. */
export function isRedirect(response: Response): boolean {
  return response.type === "opaqueredirect" || STATUSES.has(response.status);
}

export function redirectFrom(response: Response): Redirected {
  return new Redirected(response.headers.get("location") ?? undefined);
}

/** The error for a redirect where none was asked for, such as that of a proxy. */
export function refusedRedirect(response: Response): Failure {
  const location = response.headers.get("location");
  const cure = "Use the address that it leads to as the base URL; where the function redirects, call `.redirect()`.";
  const message = `The response is a redirect${location ? ` to ${location.split(/[?#]/)[0]}` : ""}, and none is followed. ${cure}`;
  return new BackendError("protocol", message, response.status === 0 ? {} : { status: response.status });
}
