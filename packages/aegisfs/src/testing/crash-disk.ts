/**
 * A disk that can lose power. It keeps what is durable apart from what was written since the last flush, and shows what
 * a crash may leave: any of the unflushed writes, in any order, any of them torn at sectors of 512 bytes.
 */
import type { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";

const SECTOR = 512;

interface Write {
  offset: number;
  bytes: Uint8Array;
  /** What was there before it. */
  before: Uint8Array;
}

export class CrashDisk implements BlockDevice {
  readonly readOnly = false;
  size: number;
  /** What reads see; it may be longer than the disk. */
  #visible: Uint8Array;
  /** As after a crash that lost every unflushed write, once somebody has asked for it. */
  #durable: Uint8Array | null = null;
  pending: Write[] = [];
  flushes = 0;
  /** Called in each flush, before the writes become durable. */
  onFlush: (() => void) | null = null;

  constructor(size: number) {
    this.size = size;
    this.#visible = new Uint8Array(size);
  }

  /** The disk that is left after a crash, to be used again. */
  static after(image: BlockDevice): CrashDisk {
    const disk = new CrashDisk(image.size);
    image.read(0, disk.#visible, 0, image.size);
    return disk;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    bytes.set(this.#visible.subarray(offset, offset + length), at);
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const copy = bytes.slice(at, at + length);
    this.pending.push({ offset, bytes: copy, before: this.#visible.slice(offset, offset + length) });
    this.#visible.set(copy, offset);
    return 0;
  }

  flush(): number {
    this.onFlush?.();
    this.flushes++;
    if (this.#durable !== null) for (const { offset, bytes } of this.pending) this.#durable.set(bytes, offset);
    this.pending = [];
    return 0;
  }

  /** Gets longer at once, as a file does; it never gets shorter. */
  resize(size: number): number {
    if (size <= this.size) return 0;
    if (size > this.#visible.length) {
      // Pages that nobody touches cost nothing: there is room for the next steps, too.
      const longer = new Uint8Array(2 * size);
      longer.set(this.#visible.subarray(0, this.size));
      this.#visible = longer;
    }
    this.#durable = null;
    this.size = size;
    return 0;
  }

  discard(): void {}

  /** What is on the disk when the power goes after the first `count` unflushed writes, in order. */
  crashAfter(count: number): CrashImage {
    const image = new CrashImage(this.#base());
    for (const { offset, bytes } of this.pending.slice(0, count)) image.write(offset, bytes, 0, bytes.length);
    return image;
  }

  #base(): Uint8Array {
    if (this.#durable === null) {
      this.#durable = this.#visible.slice(0, this.size);
      for (const { offset, before } of this.pending.toReversed()) this.#durable.set(before, offset);
    }
    return this.#durable;
  }

  /** What may be on the disk after a crash now: a random choice of writes, a few of them torn, in random order. */
  crashAnyhow(random: SeededRandom): CrashImage {
    const image = new CrashImage(this.#base());
    const kept = random.below(4) === 0 ? 0.9 : random.below(100) / 100;
    const writes = this.pending.filter(() => random.below(1000) < kept * 1000);
    for (let index = writes.length - 1; index > 0; index--) {
      const other = random.below(index + 1);
      [writes[index], writes[other]] = [writes[other]!, writes[index]!];
    }
    for (const { offset, bytes } of writes) {
      if (random.below(4) > 0) {
        image.write(offset, bytes, 0, bytes.length);
        continue;
      }
      for (let at = 0; at < bytes.length; at += SECTOR)
        if (random.below(2) === 0) image.write(offset + at, bytes, at, Math.min(SECTOR, bytes.length - at));
    }
    return image;
  }
}

/** A disk after a crash: a base that others share, and its own changes to it in pieces of 4 KiB. */
export class CrashImage implements BlockDevice {
  readonly readOnly = false;
  readonly size: number;
  readonly #base: Uint8Array;
  readonly #pieces = new Map<number, Uint8Array>();

  constructor(base: Uint8Array) {
    this.#base = base;
    this.size = base.length;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#each(offset, length, (index, within, done, count) => {
      const piece = this.#pieces.get(index);
      bytes.set(
        piece !== undefined
          ? piece.subarray(within, within + count)
          : this.#base.subarray(index * PIECE + within, index * PIECE + within + count),
        at + done,
      );
    });
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#each(offset, length, (index, within, done, count) => {
      let piece = this.#pieces.get(index);
      if (piece === undefined) this.#pieces.set(index, (piece = this.#base.slice(index * PIECE, (index + 1) * PIECE)));
      piece.set(bytes.subarray(at + done, at + done + count), within);
    });
    return 0;
  }

  #each(
    offset: number,
    length: number,
    visit: (index: number, within: number, done: number, count: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const within = (offset + done) % PIECE;
      const count = Math.min(length - done, PIECE - within);
      visit(Math.floor((offset + done) / PIECE), within, done, count);
      done += count;
    }
  }

  flush(): number {
    return 0;
  }

  resize(): number {
    return 0;
  }

  discard(): void {}
}

const PIECE = 4096;
