import type { CompressionCodec } from "./codec.ts";

/** Most pieces that a pool does at once, and the longest one in bytes. */
export const PIECES_MAX = 16;
export const PIECE_SIZE_MAX = 65536;

/**
 * Compresses or decompresses several pieces at once, on as many processors as the host gives. A call returns when all
 * are done; what comes out is the same whoever did which.
 */
export interface CodecPool {
  /**
   * `PIECES_MAX × PIECE_SIZE_MAX` bytes for compressed pieces, wherever the caller wants each. They stay until the next
   * call.
   */
  readonly packed: Uint8Array;
  /**
   * Says what piece `index` is: `length` bytes at `input`, for at most (compressing) or exactly (decompressing) `room`
   * bytes at `output`.
   */
  setPiece(index: number, input: number, length: number, output: number, room: number): void;
  /** Compresses pieces `0 … count − 1` of `plain`, which begins at byte `at`, into `packed`. */
  compress(codec: CompressionCodec, level: number, count: number, plain: Uint8Array, at: number): void;
  /** Decompresses pieces `0 … count − 1` of `packed` into `plain`, which begins at byte `at`. */
  decompress(codec: CompressionCodec, count: number, plain: Uint8Array, at: number): void;
  /**
   * Of the last call: bytes that piece `index` was compressed to, 0 when they had no room; 1 when it was decompressed,
   * 0 when it is damaged.
   */
  result(index: number): number;
}
