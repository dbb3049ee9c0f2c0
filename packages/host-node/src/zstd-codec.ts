/** Zstandard by the library that Node carries. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { CompressionCodec } from "@stratos/host";

const LEVEL_DEFAULT = 1;

export const zstdCodec: CompressionCodec = {
  name: "zstd",

  compress(input: Uint8Array, at: number, length: number, output: Uint8Array, level: number): number {
    const packed = zstdCompressSync(input.subarray(at, at + length), { params: { [constants.ZSTD_c_compressionLevel]: level === 0 ? LEVEL_DEFAULT : level } });
    if (packed.length > output.length) return 0;
    output.set(packed);
    return packed.length;
  },

  decompress(input: Uint8Array, at: number, length: number, output: Uint8Array, to: number, size: number): boolean {
    let bytes: Uint8Array;
    try {
      // The limit stops what would decompress without end.
      bytes = zstdDecompressSync(input.subarray(at, at + length), { maxOutputLength: Math.max(size, 1) });
    } catch {
      return false;
    }
    if (bytes.length !== size) return false;
    output.set(bytes, to);
    return true;
  },
};
