/**
 * A sandbox at rest in a file that another computer, or a page, can go on from.
 *
 * ```
 * a FileHead  "STRATOSC", with a CRC-32C: CheckpointHead
 * pieces, each: u32 stored length | u32 content length | u32 CRC-32C of the content | bytes
 * ```
 *
 * Little-endian. A piece holds up to 1 MiB of what `Sandbox.save` gives; it is a Zstandard frame when that is shorter,
 * else the bytes themselves, and both lengths are the same. The head tells how long all of it is, so that a file that
 * was cut short is noticed before anything is taken from it.
 */
import { crc32c, FileHead, StateError } from "@stratos/base";
import type { CompressionCodec } from "@stratos/host";

export interface CheckpointHead {
  /** The image that it needs, and what names its content. */
  readonly image: { readonly name: string; readonly content: string };
  /** Bytes of the state, unpacked. */
  readonly stateBytes: number;
  /** Milliseconds since 1970. */
  readonly savedMs: number;
  /** Of whoever asked for it. */
  readonly about: unknown;
}

const PIECE_HEADER = 12;
const PIECE_BYTES = 1 << 20;
/** What a machine can hold, its overlay and all that is told of it: far more than any has. */
const STATE_BYTES_MAX = 2 ** 34;
/** Fast: who checkpoints waits for it. */
const LEVEL = 1;

const HEAD = new FileHead<CheckpointHead>({
  magic: "STRATOSC",
  version: 1,
  name: "checkpoint",
  headBytesMax: 1 << 24,
  checksum: crc32c,
});

/** The file in pieces, in order; between two of them others may work. */
export function* encodeCheckpoint(
  head: Omit<CheckpointHead, "stateBytes">,
  state: Uint8Array,
  codec: CompressionCodec,
): Generator<Uint8Array> {
  yield HEAD.encode({ ...head, stateBytes: state.length });
  const packed = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < state.length; at += PIECE_BYTES) {
    const content = state.subarray(at, at + PIECE_BYTES);
    const packedBytes = codec.compress(content, 0, content.length, packed.subarray(0, content.length - 1), LEVEL);
    const stored = packedBytes === 0 ? content : packed.subarray(0, packedBytes);
    const piece = new Uint8Array(PIECE_HEADER + stored.length);
    const header = new DataView(piece.buffer);
    header.setUint32(0, stored.length, true);
    header.setUint32(4, content.length, true);
    header.setUint32(8, crc32c(content), true);
    piece.set(stored, PIECE_HEADER);
    yield piece;
  }
}

/**
 * @param start  of the file: all of it, or as much as holds the head
 * @throws StateError  "foreign": no checkpoint, or another version's; "damaged"
 */
export function readCheckpointHead(start: Uint8Array): CheckpointHead {
  return decodeHead(start).head;
}

function decodeHead(start: Uint8Array): { readonly head: CheckpointHead; readonly end: number } {
  const { head, end } = HEAD.decode(start);
  const { image, stateBytes, savedMs } = head;
  if (
    typeof image?.name !== "string" ||
    typeof image.content !== "string" ||
    typeof savedMs !== "number" ||
    !(Number.isInteger(stateBytes) && stateBytes! >= 0 && stateBytes! <= STATE_BYTES_MAX)
  )
    throw HEAD.damaged("its head makes no sense");
  return { head: head as CheckpointHead, end };
}

/** @returns what `Sandbox.save` gave. @throws StateError */
export function decodeCheckpoint(file: Uint8Array, codec: CompressionCodec): Uint8Array {
  const { head, end } = decodeHead(file);
  const { stateBytes } = head;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  // Before memory is asked for: so many pieces cannot be in so short a file.
  if (stateBytes > (file.length / PIECE_HEADER) * PIECE_BYTES) throw HEAD.damaged("cut short");
  const state = new Uint8Array(stateBytes);
  let at = end;
  for (let done = 0; done < stateBytes;) {
    if (at + PIECE_HEADER > file.length) throw HEAD.damaged("cut short");
    const [stored, content] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const checksum = view.getUint32(at + 8, true);
    at += PIECE_HEADER;
    if (content !== Math.min(PIECE_BYTES, stateBytes - done) || stored > content || at + stored > file.length)
      throw HEAD.damaged("its pieces do not fit together");
    if (stored === content) state.set(file.subarray(at, at + stored), done);
    else if (!codec.decompress(file, at, stored, state, done, content))
      throw HEAD.damaged("a piece cannot be unpacked");
    if (crc32c(state.subarray(done, done + content)) !== checksum)
      throw HEAD.damaged("the checksum of a piece is another");
    at += stored;
    done += content;
  }
  if (at !== file.length) throw HEAD.damaged("bytes behind its end");
  return state;
}

/** What is wrong with a file names it. @throws StateError */
export function ofCheckpoint<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StateError) throw new StateError(error.kind, `${path}: ${error.message}`, error.holders);
    throw error;
  }
}
