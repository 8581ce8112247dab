/**
 * Opaque cursors, as `shared/cursor.py` writes them: `1.` and the base64url, without padding, of a JSON list of
 * texts and nulls. Exactly one spelling of a position is accepted.
 */
const LONGEST = 512;

export type Position = (string | null)[];

export function encodeCursor(position: Position): string {
  const text = JSON.stringify(position);
  if (position.some((part) => part !== null && /\p{Surrogate}/u.test(part))) throw new RangeError("A cursor cannot hold half a surrogate pair.");
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  const cursor = `1.${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
  if (cursor.length > LONGEST) throw new RangeError(`A cursor has at most ${LONGEST} characters.`);
  return cursor;
}

/** Read the position of `parts` parts back; throws where it is not a cursor of ours. */
export function decodeCursor(cursor: string, parts: number): Position {
  const position = read(cursor);
  if (position?.length !== parts) throw new RangeError("Expected the cursor of an earlier page, unchanged.");
  return position;
}

function read(cursor: string): Position | undefined {
  if (cursor.length > LONGEST || !/^1\.[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(cursor.slice(2).replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const position: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    const usable = Array.isArray(position) && position.every((one) => one === null || typeof one === "string");
    // One position has one spelling, so that equal cursors are equal texts.
    return usable && encodeCursor(position) === cursor ? position : undefined;
  } catch {
    return undefined;
  }
}
