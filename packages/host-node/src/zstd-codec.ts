/**
 * Zstandard by the library that Node carries.
 *
 * The public calls make a context, a stream and buffers for each piece, which costs a fifth of the time of compressing
 * 64 KiB and two fifths of decompressing it. Underneath, a stream's handle does one piece after the other in the same
 * context, into the caller's memory; that is not a documented part of Node (its release is pinned, decision 0002), so
 * where it is not as expected the public calls do the work. The bytes are the same.
 */
import { constants, ZstdCompress, ZstdDecompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { CompressionCodec } from "@stratos/host";
import { zstdFrameContent } from "./zstd-frame.ts";

const LEVEL_DEFAULT = 1;

/** What lies under a stream of node:zlib: lib/zlib.js, processChunkSync. */
interface StreamHandle {
  /** Takes input and makes output until one of them is used up. */
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  onerror: () => void;
}

/** One context and its words of state. */
class Context {
  readonly #handle: StreamHandle;
  /** What is left after a call: room for output, and input. */
  readonly #left: Uint32Array;
  #hasFailed = false;

  constructor(handle: StreamHandle, left: Uint32Array) {
    this.#handle = handle;
    this.#left = left;
    handle.onerror = () => void (this.#hasFailed = true);
  }

  /**
   * @returns bytes made of all of the input; −1 when something is left over, or wrong: the context is of no use then
   */
  run(input: Uint8Array, at: number, length: number, output: Uint8Array, to: number, room: number): number {
    this.#handle.writeSync(constants.ZSTD_e_end, input, at, length, output, to, room);
    return this.#hasFailed || this.#left[1] !== 0 ? -1 : room - this.#left[0]!;
  }
}

/** The context of a new stream, or null when this Node's streams are made otherwise. */
function contextOf(stream: unknown): Context | null {
  const { _handle: handle, _writeState: left } = stream as {
    _handle?: Partial<StreamHandle> | null;
    _writeState?: unknown;
  };
  return typeof handle?.writeSync === "function" && left instanceof Uint32Array && left.length === 2
    ? new Context(handle as StreamHandle, left)
    : null;
}

/** The stream's own buffer, which is not used. */
const chunkSize = constants.Z_MIN_CHUNK;

let decoder: Context | null = null;
let encoder: Context | null = null;
let encoderLevel = 0;
/** Where frames go that may get longer than the caller's room: a context is to end its frame. */
let work = new Uint8Array(0);

/** ZSTD_COMPRESSBOUND of zstd.h: no frame of so much input is longer. */
function longestFrame(length: number): number {
  return length + (length >>> 8) + (length < 131_072 ? (131_072 - length) >>> 11 : 0) + 64;
}

export const zstdCodec: CompressionCodec = {
  name: "zstd",

  compress(input: Uint8Array, at: number, length: number, output: Uint8Array, level: number): number {
    if (level === 0) level = LEVEL_DEFAULT;
    const params = { [constants.ZSTD_c_compressionLevel]: level };
    if (encoder === null || encoderLevel !== level) {
      encoder = contextOf(new ZstdCompress({ params, chunkSize }));
      encoderLevel = level;
    }
    let packed: Uint8Array;
    if (encoder === null) packed = zstdCompressSync(input.subarray(at, at + length), { params });
    else {
      const room = longestFrame(length);
      // Straight to its place where it fits whatever it is.
      const isDirect = output.length >= room;
      if (!isDirect && work.length < room) work = new Uint8Array(room);
      const size = encoder.run(input, at, length, isDirect ? output : work, 0, room);
      if (size < 0) {
        encoder = null;
        return 0;
      }
      if (isDirect) return size;
      packed = work.subarray(0, size);
    }
    if (packed.length > output.length) return 0;
    output.set(packed);
    return packed.length;
  },

  decompress(input: Uint8Array, at: number, length: number, output: Uint8Array, to: number, size: number): boolean {
    const content = zstdFrameContent(input, at, length);
    if (content < 0) return decompressAny(input, at, length, output, to, size);
    if (content !== size || to + size > output.length) return false;
    if (size === 0) return decompressAny(input, at, length, output, to, size);
    decoder ??= contextOf(new ZstdDecompress({ chunkSize }));
    if (decoder === null) return decompressAny(input, at, length, output, to, size);
    if (decoder.run(input, at, length, output, to, size) === size) return true;
    decoder = null;
    return false;
  },
};

/** What has no plain outline: damaged, or a frame that does not say its size. */
function decompressAny(
  input: Uint8Array,
  at: number,
  length: number,
  output: Uint8Array,
  to: number,
  size: number,
): boolean {
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
}
