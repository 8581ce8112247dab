/** How values are written in a URL, in a header and in a form: dates are ISO 8601 in UTC, undefined and null are left out. */
import { UsageError } from "./errors";

export type Scalar = string | number | boolean | Date | undefined;
/** A request header; a list is joined by commas. */
export type HeaderValue = Scalar | readonly Scalar[];

export function scalar(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (!(value instanceof Date)) return String(value);
  if (Number.isNaN(value.getTime())) throw new UsageError("An invalid Date cannot be sent; pass one that holds a time.");
  return value.toISOString();
}

export function headerText(value: unknown): string | undefined {
  if (!Array.isArray(value)) return scalar(value);
  return value.map(scalar).filter((item) => item !== undefined).join(", ");
}

/** Build a query string: arrays repeat the name. */
export function search(query: Record<string, unknown> = {}): string {
  const text = fields(query, new URLSearchParams()).toString();
  return text && `?${text}`;
}

/** Build a form: multipart where it holds a file, else urlencoded; arrays repeat the name. */
export function formBody(form: unknown): FormData | URLSearchParams {
  if (form instanceof FormData) return form;
  const values = form as Record<string, unknown>;
  const hasFiles = Object.values(values).flat().some((value) => value instanceof Blob);
  return fields(values, hasFiles ? new FormData() : new URLSearchParams());
}

function fields<T extends FormData | URLSearchParams>(values: Record<string, unknown>, into: T): T {
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const text = scalar(item);
      if (item instanceof Blob) (into as FormData).append(name, item);
      else if (text !== undefined) into.append(name, text);
    }
  }
  return into;
}
