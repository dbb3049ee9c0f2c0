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
/** What the first length can say: a saved machine has as much as its memory, and what it has changed. */
const FRAME_BYTES_MAX = 0xffffffff;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeFrame(head: unknown, bytes: Uint8Array = NOTHING): Uint8Array {
  const text = encoder.encode(JSON.stringify(head));
  checkSize(text.length + bytes.length);
  const frame = new Uint8Array(PREFIX + text.length + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length - 4, true);
  view.setUint32(4, text.length, true);
  frame.set(text, PREFIX);
  frame.set(bytes, PREFIX + text.length);
  return frame;
}

/** Said by who sends: the other side could only end. */
function checkSize(size: number): void {
  if (PREFIX + size > FRAME_BYTES_MAX) throw new RangeError(`${size} bytes are more than one message holds (4 GiB)`);
}

/** So much is worth a message of its own, which is not copied. */
const LARGE = 1 << 18;

/**
 * Sends a frame; many bytes as they are, without a copy.
 *
 * @param bytes  the other side's from now on: their memory may go there
 */
export function sendFrame(send: (bytes: Uint8Array) => void, head: unknown, bytes: Uint8Array = NOTHING): void {
  if (bytes.length < LARGE) return send(encodeFrame(head, bytes));
  const start = encodeFrame(head);
  checkSize(start.length + bytes.length);
  new DataView(start.buffer).setUint32(0, start.length - 4 + bytes.length, true);
  send(start);
  send(bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice());
}

/** The other side does not speak this language. */
export class NoFrame extends RangeError {}

/** Puts frames together from pieces of any size; each byte is moved once at most. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  /** Of the prefix, or of the head. */
  #start: Uint8Array = NOTHING;
  /** Of the frame that is arriving; null: its head is not here yet. */
  #frame: { readonly head: unknown; readonly bytes: Uint8Array } | null = null;
  /** Bytes of it that are here. */
  #filled = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws NoFrame */
  push(piece: Uint8Array): void {
    for (let rest = piece; ;) {
      const frame = this.#frame;
      if (frame === null) {
        if (this.#start.length > 0) rest = concatBytes([this.#start, rest]);
        const after = this.#begin(rest);
        if (after === null) return;
        rest = after;
        continue;
      }
      const wanted = frame.bytes.length - this.#filled;
      if (this.#filled === 0 && rest.length === wanted) return this.#end(frame.head, rest);
      const part = rest.subarray(0, wanted);
      frame.bytes.set(part, this.#filled);
      this.#filled += part.length;
      if (part.length < wanted) return;
      this.#end(frame.head, frame.bytes);
      rest = rest.subarray(part.length);
    }
  }

  /** Where what comes next may be put instead of being pushed, as `filled` tells; null: nowhere. */
  get room(): Uint8Array | null {
    return this.#frame === null ? null : this.#frame.bytes.subarray(this.#filled);
  }

  /** So many bytes were put where `room` said last. */
  filled(count: number): void {
    const frame = this.#frame!;
    this.#filled += count;
    if (this.#filled === frame.bytes.length) this.#end(frame.head, frame.bytes);
  }

  /** @returns what lies behind the head, or behind a frame that was whole; null: more must come */
  #begin(bytes: Uint8Array): Uint8Array | null {
    const more = (): null => {
      // A copy: what it came in holds more.
      this.#start = bytes.length === 0 ? NOTHING : bytes.slice();
      return null;
    };
    if (bytes.length < PREFIX) return more();
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const wanted = 4 + view.getUint32(0, true);
    const headEnd = PREFIX + view.getUint32(4, true);
    if (wanted > FRAME_BYTES_MAX || headEnd > wanted) throw new NoFrame("not a frame");
    if (bytes.length < headEnd) return more();
    this.#start = NOTHING;
    const head = headOf(bytes.subarray(PREFIX, headEnd));
    if (bytes.length >= wanted) {
      this.#end(head, bytes.subarray(headEnd, wanted));
      return bytes.subarray(wanted);
    }
    this.#frame = { head, bytes: new Uint8Array(wanted - headEnd) };
    return bytes.subarray(headEnd);
  }

  #end(head: unknown, bytes: Uint8Array): void {
    this.#frame = null;
    this.#filled = 0;
    this.#onFrame({ head, bytes });
  }
}

function headOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new NoFrame("the head of a frame is no JSON", { cause: error });
  }
}
