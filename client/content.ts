/** Reads the body of a successful response: as JSON, as text, or as a file with its name. */
import { BackendError } from "./errors";
import { parse } from "./json";

export type Reader<T = unknown> = (response: Response) => Promise<T>;

/** Whether the body is empty or JSON. */
export function isJson(response: Response): boolean {
  const type = mediaType(response);
  return type === undefined || type === "application/json";
}

/** The media type without its parameters, in lower case. */
export function mediaType(response: Response): string | undefined {
  return response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
}

export async function json(response: Response): Promise<unknown> {
  const body = await response.text();
  if (body === "") return undefined;
  try {
    return parse(body);
  } catch (cause) {
    const message = "The response is not valid JSON.";
    throw new BackendError("protocol", message, { status: response.status, cause });
  }
}

export async function text(response: Response): Promise<string> {
  return await response.text();
}

export async function file(response: Response): Promise<File> {
  const type = response.headers.get("content-type") ?? "";
  return new File([await response.blob()], nameFrom(response.headers.get("content-disposition")), { type });
}

/** The name in a `Content-Disposition` (RFC 6266), the one in UTF-8 before the other; empty without one. */
export function nameFrom(disposition: string | null): string {
  const extended = /;\s*filename\*=UTF-8''([^;\s]+)/i.exec(disposition ?? "")?.[1];
  const plain = /;\s*filename="([^"]*)"/i.exec(disposition ?? "")?.[1];
  try {
    return extended === undefined ? (plain ?? "") : decodeURIComponent(extended);
  } catch {
    return plain ?? "";
  }
}
