import { PIECES_MAX, PIECE_SIZE_MAX, type CodecPool } from "../codec-pool.ts";
import type { CompressionCodec } from "../codec.ts";

/** One piece after the other, in the caller's thread: for hosts without threads, and the measure of those with them. */
export class SerialCodecPool implements CodecPool {
  /** Made when it is needed: most volumes hold nothing that is compressed. */
  #packed: Uint8Array | null = null;
  readonly #pieces = new Int32Array(PIECES_MAX * 4);
  readonly #results = new Int32Array(PIECES_MAX);

  get packed(): Uint8Array {
    return (this.#packed ??= new Uint8Array(PIECES_MAX * PIECE_SIZE_MAX));
  }

  setPiece(index: number, input: number, length: number, output: number, room: number): void {
    const pieces = this.#pieces;
    pieces[index * 4] = input;
    pieces[index * 4 + 1] = length;
    pieces[index * 4 + 2] = output;
    pieces[index * 4 + 3] = room;
  }

  compress(codec: CompressionCodec, level: number, count: number, plain: Uint8Array, at: number): void {
    const pieces = this.#pieces;
    for (let index = 0, word = 0; index < count; index++, word += 4) {
      const output = pieces[word + 2]!;
      this.#results[index] = codec.compress(
        plain,
        at + pieces[word]!,
        pieces[word + 1]!,
        this.packed.subarray(output, output + pieces[word + 3]!),
        level,
      );
    }
  }

  decompress(codec: CompressionCodec, count: number, plain: Uint8Array, at: number): void {
    const pieces = this.#pieces;
    for (let index = 0, word = 0; index < count; index++, word += 4) {
      this.#results[index] = codec.decompress(
        this.packed,
        pieces[word]!,
        pieces[word + 1]!,
        plain,
        at + pieces[word + 2]!,
        pieces[word + 3]!,
      )
        ? 1
        : 0;
    }
  }

  result(index: number): number {
    return this.#results[index]!;
  }
}
