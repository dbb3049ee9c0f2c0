/** Work that is done in pieces, so that others may have their turns between them. */

/** All of it at once. */
export function inOnePiece<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Pieces of it until the clock says that the turn is over; one at least. */
export function forOneTurn<T>(work: Generator<void, T>, nowMs: () => number, turnMs: number): IteratorResult<void, T> {
  const endMs = nowMs() + turnMs;
  for (;;) {
    const piece = work.next();
    if (piece.done === true || nowMs() >= endMs) return piece;
  }
}
