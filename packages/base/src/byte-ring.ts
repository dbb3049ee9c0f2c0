import { stateClass } from "./state-classes.ts";

const SMALLEST = 4096;
const EMPTY = new Uint8Array(0);
/** Of what is written, which is there whole or not at all. */
const PIECE = 32768;
/** errno(3). */
const EFAULT = 14;

/** Where bytes come from. */
export interface ByteSource {
  /** Bytes that may still be moved. */
  readonly remaining: number;
  /** Copies the next `count` (at most `remaining`) into `target[start …)`. @returns how many; −EFAULT: none could be */
  take(target: Uint8Array, start: number, count: number): number;
}

/** Where bytes go. */
export interface ByteSink {
  /** Bytes that may still be moved. */
  readonly remaining: number;
  /** Copies `count` (at most `remaining`) from `source[start …)`. @returns how many; −EFAULT: none could be */
  put(source: Uint8Array, start: number, count: number): number;
}

/**
 * Bytes on their way through a stream socket: a ring that grows by doubling as it fills and gives its storage back when
 * it runs empty. Its bound is the caller's: `writeFrom` is told how many bytes may be inside afterwards. What arrives
 * before its turn is placed behind the end, and belongs to the ring when the gap is filled.
 *
 *      0        head            head+length       capacity (a power of two)
 *      |         [ used, may wrap  )   [placed)     |
 */
export class ByteRing {
  #bytes: Uint8Array = EMPTY;
  #head = 0;
  #length = 0;
  /** Bytes from the first one to the end of those placed ahead. */
  #reach = 0;
  /** Bytes that were ever taken out: position in the stream of the first byte inside. */
  #position = 0;

  get length(): number {
    return this.#length;
  }

  /** Stream position of the next byte to read. */
  get readPosition(): number {
    return this.#position;
  }

  /** Stream position that the next byte written will have. */
  get writePosition(): number {
    return this.#position + this.#length;
  }

  /**
   * Moves bytes from the cursor until `capacity` are inside. A piece that can't be read to its end is left out whole,
   * as Linux's pieces of streams are (net/ipv4/tcp.c, tcp_sendmsg_locked; net/core/sock.c, skb_page_frag_refill).
   *
   * @returns their count, or −EFAULT when that is nothing
   */
  writeFrom(from: ByteSource, capacity: number): number {
    const count = Math.min(from.remaining, capacity - this.#length);
    if (count <= 0) return 0;
    this.#reserve(this.#length + count);
    const mask = this.#bytes.length - 1;
    let moved = 0;
    while (moved < count) {
      const at = (this.#head + this.#length) & mask;
      const part = Math.min(count - moved, this.#bytes.length - at);
      const taken = from.take(this.#bytes, at, part);
      if (taken === part) {
        this.#length += taken;
        moved += taken;
        continue;
      }
      const isOfPiece = (moved + Math.max(0, taken)) % PIECE;
      const kept = moved + Math.max(0, taken) - isOfPiece;
      this.#length += kept - moved;
      return kept > 0 ? kept : -EFAULT;
    }
    return moved;
  }

  /**
   * Moves at most `most` bytes to the cursor, leaving them inside when `peek`, from `skip` bytes after the first. As
   * Linux does with what one segment or one message brought, it moves all of them or none.
   *
   * @returns their count, or −EFAULT
   */
  readTo(to: ByteSink, most: number, peek: boolean, skip = 0): number {
    const count = Math.min(to.remaining, most, this.#length - skip);
    if (count <= 0) return 0;
    const mask = this.#bytes.length - 1;
    let moved = 0;
    while (moved < count) {
      const at = (this.#head + skip + moved) & mask;
      const part = Math.min(count - moved, this.#bytes.length - at);
      if (to.put(this.#bytes, at, part) !== part) return -EFAULT;
      moved += part;
    }
    if (!peek) this.discard(moved);
    return moved;
  }

  /** Appends kernel bytes; the caller has checked the bound. */
  append(bytes: Uint8Array): void {
    this.#reserve(this.#length + bytes.length);
    const mask = this.#bytes.length - 1;
    const at = (this.#head + this.#length) & mask;
    const first = Math.min(bytes.length, this.#bytes.length - at);
    this.#bytes.set(bytes.subarray(0, first), at);
    this.#bytes.set(bytes.subarray(first), 0);
    this.#length += bytes.length;
  }

  /** Puts bytes `ahead` of the end, where a gap is before them; the caller has checked the bound. */
  place(ahead: number, source: Uint8Array, start: number, count: number): void {
    const offset = this.#length + ahead;
    this.#reserve(offset + count);
    const at = (this.#head + offset) & (this.#bytes.length - 1);
    copyPart(this.#bytes, at, source, start, Math.min(count, this.#bytes.length - at));
    const first = this.#bytes.length - at;
    if (count > first) copyPart(this.#bytes, 0, source, start + first, count - first);
    this.#reach = Math.max(this.#reach, offset + count);
  }

  /** The next `count` bytes behind the end were all placed: they belong to the ring. */
  extend(count: number): void {
    this.#length += count;
  }

  /** Copies bytes from `skip` after the first; they are inside. */
  copyTo(target: Uint8Array, at: number, skip: number, count: number): void {
    const from = (this.#head + skip) & (this.#bytes.length - 1);
    const first = Math.min(count, this.#bytes.length - from);
    copyPart(target, at, this.#bytes, from, first);
    if (count > first) copyPart(target, at + first, this.#bytes, 0, count - first);
  }

  /** Drops `count` bytes from the front. */
  discard(count: number): void {
    this.#length -= count;
    this.#position += count;
    this.#reach = Math.max(0, this.#reach - count);
    if (this.#length === 0 && this.#reach === 0) {
      this.#head = 0;
      this.#reach = 0;
      if (this.#bytes.length > 16 * SMALLEST) this.#bytes = EMPTY;
    } else this.#head = (this.#head + count) & (this.#bytes.length - 1);
  }

  clear(): void {
    this.#reach = 0;
    this.discard(this.#length);
    this.#bytes = EMPTY;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    let size = Math.max(SMALLEST, this.#bytes.length);
    while (size < length) size *= 2;
    const grown = new Uint8Array(size);
    const first = this.#bytes.length - this.#head;
    grown.set(this.#bytes.subarray(this.#head));
    grown.set(this.#bytes.subarray(0, this.#head), first);
    this.#bytes = grown;
    this.#head = 0;
  }

  static {
    stateClass("socket.ByteRing", this, {
      save: (it) => ({
        bytes: it.#bytes,
        head: it.#head,
        length: it.#length,
        reach: it.#reach,
        position: it.#position,
      }),
      load: (it, from) =>
        ({ bytes: it.#bytes, head: it.#head, length: it.#length, reach: it.#reach, position: it.#position } = from),
    });
  }
}

/** Short parts without a view of their own. */
function copyPart(target: Uint8Array, at: number, source: Uint8Array, from: number, count: number): void {
  if (count > 64) target.set(source.subarray(from, from + count), at);
  else for (let index = 0; index < count; index++) target[at + index] = source[from + index]!;
}
