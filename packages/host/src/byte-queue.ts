/** Received bytes that nobody has read. Whoever fills it bounds it. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The chunk is the queue's from then on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** @param peek  they stay. @returns how many there were, up to `length` */
  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    let done = 0;
    let whole = 0;
    let cut = 0;
    for (const chunk of this.#chunks) {
      cut = Math.min(chunk.length, length - done);
      bytes.set(cut === chunk.length ? chunk : chunk.subarray(0, cut), at + done);
      done += cut;
      if (cut < chunk.length) break;
      whole++;
      cut = 0;
      if (done === length) break;
    }
    if (peek) return done;
    if (whole > 0) this.#chunks.splice(0, whole);
    if (cut > 0) this.#chunks[0] = this.#chunks[0]!.subarray(cut);
    this.#length -= done;
    return done;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }
}
