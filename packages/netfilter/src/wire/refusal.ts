/**
 * A request can't be done. Parsing goes many levels down, and each may refuse: it throws, and the one place that
 * handles a request (requests/batch.ts) makes the errno of it that the asker gets. Nothing else throws.
 */
export class Refusal extends Error {
  /** Above 0. */
  readonly errno: number;
  /** The value of the attribute that it is about, in the request's own bytes; null: of none. */
  bad: Uint8Array | null;

  constructor(errno: number, bad: Uint8Array | null) {
    super(`errno ${errno}`);
    this.errno = errno;
    this.bad = bad;
  }
}

/** @throws Refusal */
export function refuse(errno: number, bad: Uint8Array | null = null): never {
  throw new Refusal(errno, bad);
}

/** Does what may refuse; what it refuses is told to be about `bad` (NL_SET_BAD_ATTR of the outermost). */
export function blaming<Result>(bad: Uint8Array | null, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) error.bad = bad;
    throw error;
  }
}
