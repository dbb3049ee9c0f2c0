/**
 * A block device whose blocks are encrypted on another one (FORMAT.md §13). The volume on it knows nothing of that:
 * superblocks, trees, logs and content are all sealed alike, and nothing but the header can be read without a key.
 *
 *   raw device:   header area, 64 KiB │ block 0, 4096 bytes │ trailer 0, 32 bytes │ block 1 │ trailer 1 │ …
 *   trailer:      tag, 16 bytes │ nonce, 12 bytes │ number of the data key
 *
 * A nonce is eight random bytes, drawn at each opening and again when the counter is used up, and a counter of four. So
 * a copy of a device that is opened twice, and two openings after a crash, never seal two blocks with one nonce. What a
 * block is sealed with holds it to its place and device. A block that was never written reads as zeros.
 *
 * A torn write of a block may tear its trailer too: then it does not open, as a torn block does not match its checksum.
 * Neighbours share a sector with it, of which the same bytes are written: a device that keeps sectors whole keeps them.
 */
import { CIPHER_TAG_SIZE } from "@stratos/host";
import type { BlockDevice, Cipher, CipherKey } from "@stratos/host";
import { EIO } from "@stratos/abi";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { HEADER_AREA } from "./key-header.ts";

const TRAILER_SIZE = 32;
export const SEALED_SIZE: number = BLOCK_SIZE + TRAILER_SIZE;
const NONCE_SIZE = 12;
const SALT_SIZE = 8;
/** Blocks that are sealed or opened with one access to the device. */
const RUN_BLOCKS = 64;

/** Bytes of blocks that fit on a raw device. */
export function sealedCapacity(rawSize: number): number {
  return Math.max(0, Math.floor((rawSize - HEADER_AREA) / SEALED_SIZE)) * BLOCK_SIZE;
}

export class SealedDevice implements BlockDevice {
  readonly raw: BlockDevice;
  readonly #cipher: Cipher;
  #keys: CipherKey[];
  #firstKey = 0;
  /** Sealed blocks that are not yet at their places (reseal.ts). */
  #moved: ReadonlyMap<number, Uint8Array> | null = null;
  /** What has to be done before anything is written. */
  #prepare: (() => boolean) | null = null;
  readonly #staging = new Uint8Array(RUN_BLOCKS * SEALED_SIZE);
  readonly #nonce = new Uint8Array(NONCE_SIZE);
  readonly #counter = new DataView(this.#nonce.buffer, SALT_SIZE);
  #used = 0xffffffff;
  /** Device, then the block's number. */
  readonly #place = new Uint8Array(24);
  readonly #placeNumber = new DataView(this.#place.buffer, 16);

  /**
   * @param keys      data keys, oldest first; the last one is written with
   * @param firstKey  number of the first of them
   */
  constructor(raw: BlockDevice, cipher: Cipher, device: Uint8Array, keys: readonly Uint8Array[], firstKey: number) {
    this.raw = raw;
    this.#cipher = cipher;
    this.#keys = keys.map((key) => cipher.importKey(key));
    this.#firstKey = firstKey;
    this.#place.set(device.subarray(0, 16));
  }

  get size(): number {
    return sealedCapacity(this.raw.size);
  }

  get readOnly(): boolean {
    return this.raw.readOnly;
  }

  /** What is written from now on is sealed with the last of them. */
  useKeys(keys: readonly Uint8Array[], firstKey: number): void {
    this.#keys = keys.map((key) => this.#cipher.importKey(key));
    this.#firstKey = firstKey;
  }

  /** Number of the key that is written with. */
  get newestKey(): number {
    return this.#firstKey + this.#keys.length - 1;
  }

  /**
   * These sealed blocks count, not those at their places.
   *
   * @param finish  brings them there, before anything is written; null: the device cannot be written
   */
  readInstead(moved: ReadonlyMap<number, Uint8Array>, finish: (() => boolean) | null): void {
    this.#moved = moved;
    this.#prepare = finish;
  }

  /** @param make  makes of the raw device one that this can be on; called before anything is written */
  prepare(make: () => boolean): void {
    this.#prepare = make;
  }

  /** Brings blocks that were left on their way to their places. False when the device fails. */
  settle(): boolean {
    if (this.#prepare === null) return true;
    if (!this.#prepare()) return false;
    this.#moved = null;
    this.#prepare = null;
    return true;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const staging = this.#staging;
    for (let done = 0; done < length;) {
      const block = (offset + done) / BLOCK_SIZE;
      const count = Math.min((length - done) / BLOCK_SIZE, RUN_BLOCKS);
      const failed = this.raw.read(HEADER_AREA + block * SEALED_SIZE, staging, 0, count * SEALED_SIZE);
      if (failed < 0) return failed;
      if (this.#moved !== null)
        for (let index = 0; index < count; index++)
          staging.set(
            this.#moved.get(block + index) ?? staging.subarray(index * SEALED_SIZE, (index + 1) * SEALED_SIZE),
            index * SEALED_SIZE,
          );
      for (let index = 0; index < count; index++) {
        if (!this.#open(block + index, index * SEALED_SIZE, bytes, at + done + index * BLOCK_SIZE)) return -EIO;
      }
      done += count * BLOCK_SIZE;
    }
    return 0;
  }

  #open(block: number, from: number, bytes: Uint8Array, to: number): boolean {
    const staging = this.#staging;
    const trailer = from + BLOCK_SIZE;
    if (isZero(staging, trailer, TRAILER_SIZE)) {
      // Never written; else someone took the trailer away, and the content's checksum tells.
      if (!isZero(staging, from, BLOCK_SIZE)) return false;
      bytes.fill(0, to, to + BLOCK_SIZE);
      return true;
    }
    const nonceAt = trailer + CIPHER_TAG_SIZE;
    const key = this.#keys[keyNumber(staging, trailer) - this.#firstKey];
    if (key === undefined) return false;
    this.#placeNumber.setFloat64(0, block, true);
    return this.#cipher.open(
      key,
      staging.subarray(nonceAt, nonceAt + NONCE_SIZE),
      this.#place,
      staging,
      from,
      BLOCK_SIZE,
      bytes,
      to,
    );
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (!this.settle()) return -EIO;
    const staging = this.#staging;
    for (let done = 0; done < length;) {
      const block = (offset + done) / BLOCK_SIZE;
      const count = Math.min((length - done) / BLOCK_SIZE, RUN_BLOCKS);
      for (let index = 0; index < count; index++)
        this.#seal(block + index, bytes, at + done + index * BLOCK_SIZE, staging, index * SEALED_SIZE);
      const failed = this.raw.write(HEADER_AREA + block * SEALED_SIZE, staging, 0, count * SEALED_SIZE);
      if (failed < 0) return failed;
      done += count * BLOCK_SIZE;
    }
    return 0;
  }

  #seal(block: number, bytes: Uint8Array, at: number, output: Uint8Array, to: number): void {
    const nonceAt = to + BLOCK_SIZE + CIPHER_TAG_SIZE;
    const number = this.newestKey;
    this.#nextNonce();
    this.#placeNumber.setFloat64(0, block, true);
    this.#cipher.seal(this.#keys[this.#keys.length - 1]!, this.#nonce, this.#place, bytes, at, BLOCK_SIZE, output, to);
    output.set(this.#nonce, nonceAt);
    output[nonceAt + NONCE_SIZE] = number;
    output[nonceAt + NONCE_SIZE + 1] = number >>> 8;
    output.fill(0, nonceAt + NONCE_SIZE + 2, to + SEALED_SIZE);
  }

  /**
   * Seals with the last key what another one sealed, at another place in memory: the caller writes it.
   *
   * @param sealed  the block as it stands on the raw device, at `from`
   * @returns 1: done; 0: nothing to do; −1: it does not open
   */
  resealed(block: number, sealed: Uint8Array, from: number, output: Uint8Array, to: number): number {
    if (isZero(sealed, from + BLOCK_SIZE, TRAILER_SIZE)) return 0;
    if (keyNumber(sealed, from + BLOCK_SIZE) === this.newestKey) return 0;
    this.#staging.set(sealed.subarray(from, from + SEALED_SIZE));
    if (!this.#open(block, 0, this.#plain, 0)) return -1;
    this.#seal(block, this.#plain, 0, output, to);
    return 1;
  }

  readonly #plain = new Uint8Array(BLOCK_SIZE);

  #nextNonce(): void {
    if (this.#used === 0xffffffff) {
      this.#cipher.random(this.#nonce.subarray(0, SALT_SIZE));
      this.#used = 0;
    }
    this.#counter.setUint32(0, this.#used++, true);
  }

  flush(): number {
    return this.raw.flush();
  }

  resize(size: number): number {
    const blocks = Math.ceil(size / BLOCK_SIZE);
    return this.raw.resize(Math.ceil((HEADER_AREA + blocks * SEALED_SIZE) / BLOCK_SIZE) * BLOCK_SIZE);
  }

  /** Which blocks are in use is nobody's business: nothing is discarded. */
  discard(): void {}
}

/** The data key that a trailer names. */
function keyNumber(bytes: Uint8Array, trailer: number): number {
  const at = trailer + CIPHER_TAG_SIZE + NONCE_SIZE;
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (bytes[at + index] !== 0) return false;
  return true;
}
