const NEWLINE = 10;

/** The pieces that hold the last `count` lines, the first of them cut. */
export function lastLines<T extends { readonly bytes: Uint8Array }>(pieces: readonly T[], count: number): T[] {
  if (count === 0) return [];
  let left = count;
  // A newline at the very end ends the last line; each one before it begins another.
  let isAtEnd = true;
  for (let index = pieces.length - 1; index >= 0; index--) {
    const piece = pieces[index]!;
    for (let at = piece.bytes.length - 1; at >= 0; at--) {
      if (piece.bytes[at] === NEWLINE && !isAtEnd && --left === 0)
        return [{ ...piece, bytes: piece.bytes.subarray(at + 1) }, ...pieces.slice(index + 1)];
      isAtEnd = false;
    }
  }
  return [...pieces];
}
