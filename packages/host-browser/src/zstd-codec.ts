/**
 * Zstandard by its reference implementation as WebAssembly, which is loaded once. Its memory grows with the size that a
 * frame claims, so that claim is read before the frame goes there (RFC 8878 §3.1.1.1).
 */
import { compress, decompress, init } from "@bokuweb/zstd-wasm";
import type { CompressionCodec } from "@stratos/host";

const LEVEL_DEFAULT = 1;
const MAGIC = 0xfd2fb528;

let loading: Promise<void> | null = null;

/** @param url  where the page finds zstd.wasm; default: beside the library's own file */
export async function loadZstd(url?: string): Promise<CompressionCodec> {
  loading ??= (init as (url?: string) => Promise<void>)(url);
  await loading;
  return codec;
}

const codec: CompressionCodec = {
  name: "zstd",

  compress(input: Uint8Array, at: number, length: number, output: Uint8Array, level: number): number {
    const packed = compress(input.slice(at, at + length), level === 0 ? LEVEL_DEFAULT : level);
    if (packed.length > output.length) return 0;
    output.set(packed);
    return packed.length;
  },

  decompress(input: Uint8Array, at: number, length: number, output: Uint8Array, to: number, size: number): boolean {
    const frame = input.slice(at, at + length);
    if (claimedSize(frame) !== size) return false;
    try {
      const bytes = decompress(frame, { defaultHeapSize: size });
      if (bytes.length !== size) return false;
      output.set(bytes, to);
      return true;
    } catch {
      return false;
    }
  },
};

/** What a frame says that it unpacks to; −1 when it does not say, or is none. */
function claimedSize(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 6 || view.getUint32(0, true) !== MAGIC) return -1;
  const descriptor = frame[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const flag = descriptor >>> 6;
  const bytes = flag === 0 ? (isSingle ? 1 : 0) : 1 << flag;
  if (bytes === 0 || at + bytes > frame.length) return -1;
  if (bytes === 1) return frame[at]!;
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}
