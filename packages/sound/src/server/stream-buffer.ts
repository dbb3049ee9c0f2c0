/**
 * Bytes of a stream that were sent and not played yet. Both ends count bytes since the stream began, and a program may
 * write elsewhere than at its end: over what has not been played (a player that seeks), or further on.
 *
 *          played      to be played                    never written
 *     ───────────────┬──────────────────────┬─────────────────────▶
 *                  read                    end       (write is anywhere from read on; what it leaps over is silence)
 */

/** Bytes that a buffer begins with: most streams need no more. */
const FIRST_BYTES = 1 << 12;

/** Bytes that the buffers of all streams may still take. */
export interface BufferBudget {
  left: number;
}

export class StreamBuffer {
  readonly #silence: number;
  readonly #budget: BufferBudget;
  #ring = new Uint8Array(FIRST_BYTES);
  /** At most so many bytes from `read` on; beyond that nothing is kept. */
  maxBytes: number;
  read = 0;
  write = 0;
  end = 0;

  constructor(maxBytes: number, silence: number, budget: BufferBudget) {
    this.maxBytes = maxBytes;
    this.#silence = silence;
    this.#budget = budget;
    budget.left -= FIRST_BYTES;
  }

  /** What has been written and can be played. */
  get playable(): number {
    return Math.max(0, this.end - this.read);
  }

  /** Between the two places, as a program sees it; below 0 when it is late. */
  get length(): number {
    return this.write - this.read;
  }

  /** @returns false: there is no room for it, and it is not there */
  push(bytes: Uint8Array): boolean {
    const end = this.write + bytes.length;
    if (end > this.read + this.maxBytes) return false;
    // What comes too late was silence, and stays that.
    const start = Math.max(this.write, this.read);
    if (end > start) {
      if (!this.#reserve(end - this.read)) return false;
      if (start > this.end) this.#fill(Math.max(this.end, this.read), start);
      this.#set(start, bytes.subarray(start - this.write));
    }
    this.write = end;
    this.end = Math.max(this.end, end);
    return true;
  }

  /** Copies what is played next. @returns how many bytes there were */
  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.playable);
    const ring = this.#ring;
    const at = this.read % ring.length;
    const first = Math.min(count, ring.length - at);
    into.set(ring.subarray(at, at + first));
    into.set(ring.subarray(0, count - first), first);
    this.read += count;
    return count;
  }

  /** Time goes on without anything to play. */
  skip(count: number): void {
    this.read += count;
  }

  /** What has not been played never will be. */
  flush(): void {
    this.write = this.read;
    this.end = this.read;
  }

  /** Nobody plays it any more. */
  release(): void {
    this.flush();
    this.#budget.left += this.#ring.length;
    this.#ring = new Uint8Array(0);
  }

  #reserve(sizeBytes: number): boolean {
    if (sizeBytes <= this.#ring.length) return true;
    const before = this.#ring;
    let length = before.length;
    while (length < sizeBytes) length *= 2;
    if (length - before.length > this.#budget.left) return false;
    this.#budget.left -= length - before.length;
    this.#ring = new Uint8Array(length);
    for (let at = this.read; at < this.end;) {
      const from = at % before.length;
      const count = Math.min(this.end - at, before.length - from);
      this.#set(at, before.subarray(from, from + count));
      at += count;
    }
    return true;
  }

  #set(place: number, bytes: Uint8Array): void {
    const ring = this.#ring;
    const at = place % ring.length;
    const first = Math.min(bytes.length, ring.length - at);
    ring.set(bytes.subarray(0, first), at);
    ring.set(bytes.subarray(first), 0);
  }

  #fill(from: number, to: number): void {
    const ring = this.#ring;
    for (let at = from; at < to;) {
      const start = at % ring.length;
      const count = Math.min(to - at, ring.length - start);
      ring.fill(this.#silence, start, start + count);
      at += count;
    }
  }
}
