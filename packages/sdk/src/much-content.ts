/** Content of hundreds of megabytes, which the caller's event loop must not stand still for. */

/** Some milliseconds. */
export const COPIED_AT_ONCE = 8 << 20;
/** Characters of a text that are encoded at once. */
const ENCODED_AT_ONCE = 1 << 20;

const encoder = new TextEncoder();

/** @param breathe  lets others have their turns */
export async function joinLittleByLittle(
  pieces: readonly Uint8Array[],
  breathe: () => Promise<void>,
): Promise<Uint8Array> {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces)
    for (let done = 0; done < piece.length; done += COPIED_AT_ONCE) {
      if (at > 0) await breathe();
      const part = piece.subarray(done, done + COPIED_AT_ONCE);
      joined.set(part, at);
      at += part.length;
    }
  return joined;
}

/** A text in UTF-8. What is half of a pair is U+FFFD. */
export function* encodedPieces(text: string): Generator<Uint8Array> {
  for (let at = 0; at < text.length;) {
    let end = at + ENCODED_AT_ONCE;
    // A pair stays together.
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++;
    yield encoder.encode(text.slice(at, end));
    at = end;
  }
}

/** The same at once; null: that would take too long. */
export function encodedAtOnce(text: string): Uint8Array | null {
  return text.length <= ENCODED_AT_ONCE ? encoder.encode(text) : null;
}
