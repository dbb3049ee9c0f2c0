/** A lossless compression format. All calls are synchronous and keep nothing of what they are given. */
export interface CompressionCodec {
  readonly name: string;
  /**
   * Compresses `input[at … at + length)` into the start of `output`.
   *
   * @returns bytes made; 0 when they would not fit into `output`
   */
  compress(input: Uint8Array, at: number, length: number, output: Uint8Array, level: number): number;
  /**
   * Decompresses `input[at … at + length)` into exactly `output[to … to + size)`. The input may be hostile.
   *
   * @returns false when it is damaged or has another size; the output is undefined then
   */
  decompress(input: Uint8Array, at: number, length: number, output: Uint8Array, to: number, size: number): boolean;
}
