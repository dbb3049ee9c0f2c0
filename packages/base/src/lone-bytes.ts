/**
 * Bytes of which no other array shows a part, wherever they lie: a saved state (state-writer.ts) has them without what
 * lies beside them in their buffer. Other views hold their buffer, which is saved whole.
 */
export class LoneBytes extends Uint8Array<ArrayBuffer> {
  /** What `subarray` and `slice` give is an ordinary array. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  copy(): LoneBytes {
    const copy = new LoneBytes(new ArrayBuffer(this.length));
    copy.set(this);
    return copy;
  }
}
