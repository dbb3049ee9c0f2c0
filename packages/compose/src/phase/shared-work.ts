/**
 * Work that several phases may want at the same time, by name: the first does it, the others wait and get the same.
 * When the first fails (its time may be over, theirs not), the next one does it.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Promise<T>>();

  async do(name: string, work: () => Promise<T>): Promise<T> {
    for (let other = this.#running.get(name); other !== undefined; other = this.#running.get(name)) {
      try {
        return await other;
      } catch {
        // Its owner tells; now it is our turn, or that of another who waits.
      }
    }
    const own = work();
    this.#running.set(name, own);
    try {
      return await own;
    } finally {
      if (this.#running.get(name) === own) this.#running.delete(name);
    }
  }
}

/** Work of which only one piece may be under way. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const own = this.#last.then(work);
    this.#last = own.catch(() => {});
    return own;
  }
}
