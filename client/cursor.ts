/**
 * Opaque cursors: `1.` and the base64url, without padding, of a JSON array of strings and nulls. Each position has
 * exactly one valid encoding. The backend implements the same in `shared/cursor.py`.
 */
/** Characters. */
const CURSOR_LIMIT = 512;

export type Position = (string | null)[];

export function encodeCursor(position: Position): string {
  const text = JSON.stringify(position);
  if (position.some((part) => part !== null && /\p{Surrogate}/u.test(part))) throw new RangeError("A cursor cannot contain a lone surrogate.");
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  const cursor = `1.${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
  if (cursor.length > CURSOR_LIMIT) throw new RangeError(`A cursor has at most ${CURSOR_LIMIT} characters.`);
  return cursor;
}

/** Decode a cursor into its position of `parts` parts; throws a `RangeError` when it is invalid. */
export function decodeCursor(cursor: string, parts: number): Position {
  const position = read(cursor);
  if (position?.length !== parts) throw new RangeError("Expected the unchanged cursor of an earlier page.");
  return position;
}

function read(cursor: string): Position | undefined {
  if (cursor.length > CURSOR_LIMIT || !/^1\.[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(cursor.slice(2).replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const position: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    const usable = Array.isArray(position) && position.every((one) => one === null || typeof one === "string");
    // Each position has one encoding, so that equal positions are equal strings.
    return usable && encodeCursor(position) === cursor ? position : undefined;
  } catch {
    return undefined;
  }
}
