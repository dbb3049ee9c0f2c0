/**
 * A request can't be done. Parsing goes many levels down, and each may refuse: it throws, and the one place that
 * handles a request (requests/batch.ts) makes the errno of it that the asker gets. Nothing else throws.
 */
export class Refusal extends Error {
  /** Above 0. */
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** @throws Refusal */
export function refuse(errno: number): never {
  throw new Refusal(errno);
}
