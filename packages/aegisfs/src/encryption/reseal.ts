/**
 * Sealing anew: after a rotation, what older data keys sealed is sealed with the newest one, block by block and in
 * place, so that the older keys can be forgotten.
 *
 * A block and its trailer do not change at once, and a crash between them would leave neither the old nor the new. So
 * some blocks at a time are first written, as they will be, to two places in the header area that nothing else uses;
 * flush; then to their own; flush. Opening the device writes again what stands there. At the end of each step these
 * places are empty, so that what the volume writes between two steps is never overwritten by them. When the device
 * refuses something, they may not be: then the sealed device itself ends the moves before it writes anything else.
 *
 *   place:   word 0, 1 magic │ 2 XXH32 of the rest │ 3 number of blocks │ 4 … 9 their numbers │ from byte 64 on: the
 *   sealed blocks
 */
import { checksumWords } from "../format/checksum.ts";
import type { BlockDevice } from "@stratos/host";
import type { KeyError } from "./key-error.ts";
import { HEADER_AREA } from "./key-header.ts";
import { SEALED_SIZE, SealedDevice } from "./sealed-device.ts";

/** Behind each of the two headers. */
const MOVE_PLACES: readonly number[] = [4096, 36864];
const MOVE_HEAD = 64;
const MOVE_BLOCKS = 6;
const MOVE_SIZE = MOVE_HEAD + MOVE_BLOCKS * SEALED_SIZE;
const MAGIC_LOW = 0x49474541; // "AEGI"
const MAGIC_HIGH = 0x564f4d53; // "SMOV"
const AT_CHECKSUM = 2;
const AT_COUNT = 3;
const AT_BLOCKS = 4;
/** Blocks that are read at once. */
const RUN_BLOCKS = 64;

/** Blocks on their way to their places. */
class Moves {
  readonly bytes: Uint8Array = new Uint8Array(MOVE_SIZE);
  readonly words: Uint32Array = new Uint32Array(this.bytes.buffer);
  count = 0;

  get isFull(): boolean {
    return this.count === MOVE_BLOCKS;
  }

  /** Where the next block goes to; `take` makes it one of them. */
  get end(): number {
    return MOVE_HEAD + this.count * SEALED_SIZE;
  }

  take(block: number): void {
    this.words[AT_BLOCKS + this.count++] = block;
  }

  block(index: number): number {
    return this.words[AT_BLOCKS + index]!;
  }

  sealed(index: number): Uint8Array {
    return this.bytes.subarray(MOVE_HEAD + index * SEALED_SIZE, MOVE_HEAD + (index + 1) * SEALED_SIZE);
  }

  clear(): void {
    this.count = 0;
    this.bytes.fill(0);
  }

  sign(): void {
    this.words.set([MAGIC_LOW, MAGIC_HIGH, 0, this.count]);
    this.words[AT_CHECKSUM] = this.#checksum();
  }

  /** Is what was read whole? */
  get isWhole(): boolean {
    const { words } = this;
    const signed = words[AT_CHECKSUM]!;
    if (words[0] !== MAGIC_LOW || words[1] !== MAGIC_HIGH || words[AT_COUNT]! > MOVE_BLOCKS) return false;
    words[AT_CHECKSUM] = 0;
    this.count = words[AT_COUNT]!;
    return this.#checksum() === signed;
  }

  #checksum(): number {
    return checksumWords(new Int32Array(this.bytes.buffer), 0, MOVE_SIZE / 4, 0);
  }
}

/** Empties the places, durably. False when the device cannot be written. */
export function clearMoves(raw: BlockDevice): boolean {
  const zeros = new Uint8Array(MOVE_HEAD);
  for (const place of MOVE_PLACES) if (raw.write(place, zeros, 0, MOVE_HEAD) < 0) return false;
  return raw.flush() >= 0;
}

/** Ends what a crash interrupted. False when the device cannot be read or written. */
export function finishMoves(device: SealedDevice): boolean {
  const { raw } = device;
  const moved = new Map<number, Uint8Array>();
  const blocks = device.size / 4096;
  for (const place of MOVE_PLACES) {
    const moves = new Moves();
    if (raw.read(place, moves.bytes, 0, MOVE_SIZE) < 0) return false;
    if (!moves.isWhole) continue;
    for (let index = 0; index < moves.count; index++)
      if (moves.block(index) < blocks) moved.set(moves.block(index), moves.sealed(index));
  }
  if (moved.size === 0) return true;
  if (raw.readOnly) {
    device.readInstead(moved, null);
    return true;
  }
  for (const [block, sealed] of moved)
    if (raw.write(HEADER_AREA + block * SEALED_SIZE, sealed, 0, SEALED_SIZE) < 0) return false;
  return raw.flush() >= 0 && clearMoves(raw);
}

export class Reseal {
  readonly #device: SealedDevice;
  readonly #remember: (cursor: number) => KeyError | null;
  readonly #moves: readonly Moves[] = MOVE_PLACES.map(() => new Moves());
  readonly #read = new Uint8Array(RUN_BLOCKS * SEALED_SIZE);
  /** Blocks that were looked at. */
  done: number;
  /** Blocks that this run sealed anew, and that no key opens. */
  resealed = 0;
  damaged = 0;
  isOver = false;
  /** All that was looked at opens with it. */
  #newestKey: number;

  /**
   * @param from      block to go on with
   * @param remember  keeps the block to go on with durably; −1: all is done
   */
  constructor(device: SealedDevice, from: number, remember: (cursor: number) => KeyError | null) {
    this.#device = device;
    this.#remember = remember;
    this.done = Math.min(from, this.total);
    this.#newestKey = device.newestKey;
  }

  /** All blocks that there are; the device may be resized between two steps. */
  get total(): number {
    return this.#device.size / 4096;
  }

  /**
   * Looks at that many blocks more. @returns 1: there are others; 0: all is done, and the older keys are gone; what
   * failed
   */
  step(blocks: number): 0 | 1 | KeyError {
    if (this.isOver) return 0;
    const device = this.#device;
    if (!device.settle()) return "device-error";
    // After a rotation, what was sealed anew until then has an older key, too.
    const done = device.newestKey === this.#newestKey ? Math.min(this.done, this.total) : 0;
    const { damaged } = this;
    this.#newestKey = device.newestKey;
    this.done = done;
    const end = Math.min(this.total, done + blocks);
    let failed = false;
    while (!failed && this.done < end) {
      const count = Math.min(RUN_BLOCKS, end - this.done);
      failed = !this.#run(this.done, count);
      if (!failed) this.done += count;
    }
    // When all went well, what was moved is at its places.
    if (failed || !this.#move() || !clearMoves(device.raw)) {
      this.#giveUp();
      this.done = done;
      this.damaged = damaged;
      return "device-error";
    }
    const isOver = this.done === this.total;
    const forgotten = this.#remember(isOver ? -1 : this.done);
    if (forgotten !== null) return forgotten;
    this.isOver = isOver;
    return isOver ? 0 : 1;
  }

  /** Leaves to the device what is on its way: blocks may be torn, and their only whole copies in the header area. */
  #giveUp(): void {
    const moved = new Map<number, Uint8Array>();
    for (const moves of this.#moves) {
      for (let index = 0; index < moves.count; index++) moved.set(moves.block(index), moves.sealed(index).slice());
      moves.clear();
    }
    // A write that was refused may still come to the header area: it is emptied even when nothing whole is there.
    this.#device.readInstead(moved, () => finishMoves(this.#device) && clearMoves(this.#device.raw));
  }

  #run(first: number, count: number): boolean {
    const { raw } = this.#device;
    if (raw.read(HEADER_AREA + first * SEALED_SIZE, this.#read, 0, count * SEALED_SIZE) < 0) return false;
    for (let index = 0; index < count; index++) {
      let moves = this.#moves.find(({ isFull }) => !isFull);
      if (moves === undefined) {
        if (!this.#move()) return false;
        moves = this.#moves[0]!;
      }
      const result = this.#device.resealed(first + index, this.#read, index * SEALED_SIZE, moves.bytes, moves.end);
      if (result === 1) moves.take(first + index);
      else if (result < 0) this.damaged++;
    }
    return true;
  }

  /** Writes what was gathered to the header area, then to its places. False when the device fails. */
  #move(): boolean {
    const { raw } = this.#device;
    if (this.#moves.every(({ count }) => count === 0)) return true;
    for (const [index, moves] of this.#moves.entries()) {
      moves.sign();
      if (raw.write(MOVE_PLACES[index]!, moves.bytes, 0, MOVE_SIZE) < 0) return false;
    }
    if (raw.flush() < 0) return false;
    for (const moves of this.#moves) {
      for (let index = 0; index < moves.count; index++) {
        if (raw.write(HEADER_AREA + moves.block(index) * SEALED_SIZE, moves.sealed(index), 0, SEALED_SIZE) < 0)
          return false;
      }
    }
    if (raw.flush() < 0) return false;
    for (const moves of this.#moves) {
      this.resealed += moves.count;
      moves.clear();
    }
    return true;
  }
}
