/** Work that is done in pieces, so that others may have their turns between them. */

/** All of it at once. */
export function inOnePiece<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
