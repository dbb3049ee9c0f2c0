/**
 * A sandbox at rest in a file that another computer, or a page, can go on from.
 *
 * ```
 * "STRATOSC"  u32 version  u32 length of the head
 * the head    JSON in UTF-8 (CheckpointHead)
 * u32 CRC-32C of all before
 * pieces, each: u32 stored length | u32 content length | u32 CRC-32C of the content | bytes
 * ```
 *
 * Little-endian. A piece holds up to 1 MiB of what `Sandbox.save` gives; it is a Zstandard frame when that is shorter,
 * else the bytes themselves, and both lengths are the same. The head tells how long all of it is, so that a file that
 * was cut short is noticed before anything is taken from it.
 */
import { byteString, crc32c, StateError, byteStringOf } from "@stratos/base";
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

const MAGIC = "STRATOSC";
const VERSION = 1;
const HEADER = 16;
const HEAD_BYTES_MAX = 1 << 24;
const PIECE_HEADER = 12;
const PIECE_BYTES = 1 << 20;
/** What a machine can hold, its overlay and all that is told of it: far more than any has. */
const STATE_BYTES_MAX = 2 ** 34;
/** Fast: who checkpoints waits for it. */
const LEVEL = 1;

const damaged = (why: string): StateError => new StateError("damaged", `the checkpoint is damaged: ${why}`);

/** The file in pieces, in order; between two of them others may work. */
export function* encodeCheckpoint(
  head: Omit<CheckpointHead, "stateBytes">,
  state: Uint8Array,
  codec: CompressionCodec,
): Generator<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify({ ...head, stateBytes: state.length } satisfies CheckpointHead));
  const start = new Uint8Array(HEADER + text.length + 4);
  const view = new DataView(start.buffer);
  start.set(byteStringOf(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, text.length, true);
  start.set(text, HEADER);
  view.setUint32(HEADER + text.length, crc32c(start.subarray(0, HEADER + text.length)), true);
  yield start;
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
  const end = HEADER + checkpointHeadBytes(start);
  if (start.length < end) throw damaged("cut short");
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (crc32c(start.subarray(0, end - 4)) !== view.getUint32(end - 4, true))
    throw damaged("the checksum of its head is another");
  const head = parseHead(start.subarray(HEADER, end - 4));
  const { image, stateBytes, savedMs } = head;
  if (
    typeof image?.name !== "string" ||
    typeof image.content !== "string" ||
    typeof savedMs !== "number" ||
    !(Number.isInteger(stateBytes) && stateBytes! >= 0 && stateBytes! <= STATE_BYTES_MAX)
  )
    throw damaged("its head makes no sense");
  return head as CheckpointHead;
}

function parseHead(text: Uint8Array): Partial<CheckpointHead> {
  try {
    return JSON.parse(new TextDecoder().decode(text)) as Partial<CheckpointHead>;
  } catch {
    throw damaged("its head makes no sense");
  }
}

/** How much follows the header until the head is whole. @throws StateError */
function checkpointHeadBytes(start: Uint8Array): number {
  if (start.length < HEADER || byteString(start, 0, MAGIC.length) !== MAGIC)
    throw new StateError("foreign", "this is no checkpoint of a sandbox");
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new StateError("foreign", `the checkpoint has format ${version}; this version reads ${VERSION}`);
  const length = view.getUint32(12, true);
  if (length > HEAD_BYTES_MAX) throw damaged("its head makes no sense");
  return length + 4;
}

/** @returns what `Sandbox.save` gave. @throws StateError */
export function decodeCheckpoint(file: Uint8Array, codec: CompressionCodec): Uint8Array {
  const { stateBytes } = readCheckpointHead(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  // Before memory is asked for: so many pieces cannot be in so short a file.
  if (stateBytes > (file.length / PIECE_HEADER) * PIECE_BYTES) throw damaged("cut short");
  const state = new Uint8Array(stateBytes);
  let at = HEADER + checkpointHeadBytes(file);
  for (let done = 0; done < stateBytes;) {
    if (at + PIECE_HEADER > file.length) throw damaged("cut short");
    const [stored, content] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const checksum = view.getUint32(at + 8, true);
    at += PIECE_HEADER;
    if (content !== Math.min(PIECE_BYTES, stateBytes - done) || stored > content || at + stored > file.length)
      throw damaged("its pieces do not fit together");
    if (stored === content) state.set(file.subarray(at, at + stored), done);
    else if (!codec.decompress(file, at, stored, state, done, content)) throw damaged("a piece cannot be unpacked");
    if (crc32c(state.subarray(done, done + content)) !== checksum) throw damaged("the checksum of a piece is another");
    at += stored;
    done += content;
  }
  if (at !== file.length) throw damaged("bytes behind its end");
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
