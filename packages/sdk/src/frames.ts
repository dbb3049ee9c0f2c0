/**
 * Messages over a stream of bytes: what a library and the process of its machines say to each other.
 *
 *     u32 length of what follows | u32 length of the head | the head, JSON in UTF-8 | bytes
 *
 * Little-endian. The two sides may be different releases of JavaScript, so no host's own serialization is used.
 */
import { concatBytes } from "@stratos/base";

export interface Frame {
  readonly head: unknown;
  readonly bytes: Uint8Array;
}

const PREFIX = 8;
/** A file of a gigabyte, and its head. */
const FRAME_BYTES_MAX = (1 << 30) + (1 << 20);
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeFrame(head: unknown, bytes: Uint8Array = NOTHING): Uint8Array {
  const text = encoder.encode(JSON.stringify(head));
  const frame = new Uint8Array(PREFIX + text.length + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length - 4, true);
  view.setUint32(4, text.length, true);
  frame.set(text, PREFIX);
  frame.set(bytes, PREFIX + text.length);
  return frame;
}

/** Puts frames together from pieces of any size. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes of the frame that is arriving, its prefix included; 0: not known yet. */
  #wanted = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws RangeError when the other side does not speak this language */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
    while (this.#held >= PREFIX) {
      if (this.#wanted === 0) {
        const start = this.#join();
        this.#wanted = 4 + new DataView(start.buffer, start.byteOffset).getUint32(0, true);
        if (this.#wanted < PREFIX || this.#wanted > FRAME_BYTES_MAX) throw new RangeError("not a frame");
      }
      if (this.#held < this.#wanted) return;
      const all = this.#join();
      const frame = all.subarray(0, this.#wanted);
      this.#pieces = [all.subarray(this.#wanted)];
      this.#held -= this.#wanted;
      this.#wanted = 0;
      const headEnd = PREFIX + new DataView(frame.buffer, frame.byteOffset).getUint32(4, true);
      if (headEnd > frame.length) throw new RangeError("not a frame");
      const head: unknown = JSON.parse(decoder.decode(frame.subarray(PREFIX, headEnd)));
      this.#onFrame({ head, bytes: frame.subarray(headEnd) });
    }
  }

  #join(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [concatBytes(this.#pieces)];
    return this.#pieces[0]!;
  }
}
