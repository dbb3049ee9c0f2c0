/**
 * The head of an encrypted device: all that can be read without a key (FORMAT.md §13). It holds the volume's keys,
 * wrapped.
 *
 *   passphrase ── scrypt or Argon2id ──▶ slot key ── opens the slot ──▶ volume key ── opens the ring ──▶ data keys
 *
 * Each of eight slots wraps the same volume key for another passphrase. The ring has the data keys; the last one
 * encrypts what is written now, older ones open what was written before a rotation, until all of it is sealed anew
 * (reseal.ts). The header stands on the device twice and is rewritten one copy after the other.
 */
import type { Cipher, KeyDerivation } from "@stratos/host";
import { checksumWords } from "../format/checksum.ts";

/** Bytes in front of the encrypted blocks, and where the header's copies are. */
export const HEADER_AREA = 65536;
export const HEADER_SIZE = 4096;
export const HEADER_PLACES: readonly number[] = [0, 32768];

export const SLOTS = 8;
export const DATA_KEYS_MAX = 8;
export const KEY_SIZE = 32;

const MAGIC_LOW = 0x49474541; // "AEGI"
const MAGIC_HIGH = 0x59454b53; // "SKEY"
/** With something that older programs would take for free space, or for the key of number 0. */
const VERSION_MAX = 2;
const NONCE_SIZE = 12;

// Words of the header.
const AT_MAGIC = 0;
const AT_CHECKSUM = 2;
const AT_VERSION = 3;
const AT_SEQUENCE = 4;
const AT_UUID = 5; // 4 words: of the volume
const AT_DEVICE = 9; // 4 words: of the device
const AT_SLOTS = 16; // SLOTS × SLOT_WORDS
const SLOT_WORDS = 32;
const AT_RING = AT_SLOTS + SLOTS * SLOT_WORDS;

// Words of a slot.
const SLOT_STATE = 0; // 1: in use, with scrypt; 2: with Argon2id
const SLOT_COST = 1; // logN, r, p; or memory in KiB, passes, lanes
const SLOT_SALT = 4; // 8 words
const SLOT_NONCE = 12; // 3 words
const SLOT_WRAPPED = 16; // 8 words and a tag of 4

// The ring: nonce, then sealed: number of keys, and each with 8 words.
const RING_NONCE = AT_RING;
const RING_SEALED = AT_RING + 4;
const RING_WORDS = 1 + DATA_KEYS_MAX * 8;

// Sealing anew: 1 while it is going on, and the block where it is (pair). Then the number of the ring's first key.
const AT_RESEAL = 348;
const AT_CURSOR = 349;
const AT_FIRST_KEY = 351;

/** Costs beyond these take longer, or more memory, than anyone means: such a header is forged. */
const SCRYPT_LIMITS: readonly [number, number][] = [
  [1, 22],
  [1, 32],
  [1, 16],
];
const ARGON2_LIMITS: readonly [number, number][] = [
  [8, 2 << 20],
  [1, 64],
  [1, 16],
];

export class KeyHeader {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;

  constructor(bytes: Uint8Array = new Uint8Array(HEADER_SIZE)) {
    this.bytes = bytes.slice();
    this.words = new Uint32Array(this.bytes.buffer);
  }

  static create(uuid: Uint8Array, device: Uint8Array): KeyHeader {
    const header = new KeyHeader();
    header.words.set([MAGIC_LOW, MAGIC_HIGH], AT_MAGIC);
    header.words[AT_VERSION] = 1;
    header.bytes.set(uuid.subarray(0, 16), AT_UUID * 4);
    header.bytes.set(device.subarray(0, 16), AT_DEVICE * 4);
    return header;
  }

  /** Decodes one copy. `invalid` when it is no header, or a damaged one. */
  static decode(bytes: Uint8Array): KeyHeader | "invalid" | "unsupported" {
    const header = new KeyHeader(bytes);
    const { words } = header;
    if (words[AT_MAGIC] !== MAGIC_LOW || words[AT_MAGIC + 1] !== MAGIC_HIGH) return "invalid";
    if (words[AT_CHECKSUM] !== header.#checksum()) return "invalid";
    return words[AT_VERSION]! >= 1 && words[AT_VERSION]! <= VERSION_MAX ? header : "unsupported";
  }

  #checksum(): number {
    const before = this.words[AT_CHECKSUM]!;
    this.words[AT_CHECKSUM] = 0;
    const checksum = checksumWords(new Int32Array(this.bytes.buffer), 0, HEADER_SIZE / 4, 0);
    this.words[AT_CHECKSUM] = before;
    return checksum;
  }

  /** The bytes to write, one change further. */
  encode(): Uint8Array {
    this.words[AT_SEQUENCE]!++;
    let isOld = this.words[AT_RESEAL] === 0 && this.firstKey === 0;
    for (let slot = 0; slot < SLOTS; slot++) isOld &&= this.words[this.#slot(slot) + SLOT_STATE] !== 2;
    this.words[AT_VERSION] = isOld ? 1 : VERSION_MAX;
    this.words[AT_CHECKSUM] = this.#checksum();
    return this.bytes;
  }

  get sequence(): number {
    return this.words[AT_SEQUENCE]!;
  }

  /** Of the volume: 16 bytes. */
  get uuid(): Uint8Array {
    return this.bytes.slice(AT_UUID * 4, AT_UUID * 4 + 16);
  }

  /** What binds sealed blocks to this device: 16 bytes. */
  get device(): Uint8Array {
    return this.bytes.slice(AT_DEVICE * 4, AT_DEVICE * 4 + 16);
  }

  // ---- Slots ------------------------------------------------------------------------------------------------------

  isUsed(slot: number): boolean {
    const state = this.words[this.#slot(slot) + SLOT_STATE]!;
    return state === 1 || state === 2;
  }

  derivation(slot: number): KeyDerivation {
    const at = this.#slot(slot);
    const [a, b, c] = this.words.subarray(at + SLOT_COST, at + SLOT_COST + 3) as unknown as [number, number, number];
    return this.words[at + SLOT_STATE] === 2
      ? { kind: "argon2id", memoryKiB: a, passes: b, lanes: c }
      : { kind: "scrypt", logN: a, r: b, p: c };
  }

  #slot(slot: number): number {
    return AT_SLOTS + slot * SLOT_WORDS;
  }

  /** Wraps the volume key for a passphrase. */
  fillSlot(
    slot: number,
    cipher: Cipher,
    passphrase: Uint8Array,
    derivation: KeyDerivation,
    volumeKey: Uint8Array,
  ): void {
    const at = this.#slot(slot);
    this.words.fill(0, at, at + SLOT_WORDS);
    this.words.set(
      derivation.kind === "scrypt"
        ? [1, derivation.logN, derivation.r, derivation.p]
        : [2, derivation.memoryKiB, derivation.passes, derivation.lanes],
      at,
    );
    const salt = this.bytes.subarray((at + SLOT_SALT) * 4, (at + SLOT_SALT) * 4 + 32);
    const nonce = this.bytes.subarray((at + SLOT_NONCE) * 4, (at + SLOT_NONCE) * 4 + NONCE_SIZE);
    cipher.random(salt);
    cipher.random(nonce);
    const key = cipher.importKey(cipher.derive(passphrase, salt.slice(), derivation));
    cipher.seal(key, nonce, this.uuid, volumeKey, 0, KEY_SIZE, this.bytes, (at + SLOT_WRAPPED) * 4);
  }

  /** What it wraps is the volume key of `other`, whose UUID this has, too. */
  copySlots(other: KeyHeader): void {
    this.words.set(other.words.subarray(AT_SLOTS, AT_RING), AT_SLOTS);
  }

  clearSlot(slot: number): void {
    const at = this.#slot(slot);
    this.words.fill(0, at, at + SLOT_WORDS);
  }

  /** The volume key, when the passphrase is the slot's; null when it is not. */
  openSlot(slot: number, cipher: Cipher, passphrase: Uint8Array): Uint8Array | null {
    if (!this.isUsed(slot)) return null;
    const derivation = this.derivation(slot);
    const at = this.#slot(slot);
    const limits = derivation.kind === "scrypt" ? SCRYPT_LIMITS : ARGON2_LIMITS;
    if (
      limits.some(
        ([least, most], index) =>
          this.words[at + SLOT_COST + index]! < least || this.words[at + SLOT_COST + index]! > most,
      )
    )
      return null;
    if (derivation.kind === "argon2id" && derivation.memoryKiB < 8 * derivation.lanes) return null;
    const salt = this.bytes.slice((at + SLOT_SALT) * 4, (at + SLOT_SALT) * 4 + 32);
    const nonce = this.bytes.slice((at + SLOT_NONCE) * 4, (at + SLOT_NONCE) * 4 + NONCE_SIZE);
    const volumeKey = new Uint8Array(KEY_SIZE);
    const key = cipher.importKey(cipher.derive(passphrase, salt, derivation));
    return cipher.open(key, nonce, this.uuid, this.bytes, (at + SLOT_WRAPPED) * 4, KEY_SIZE, volumeKey, 0)
      ? volumeKey
      : null;
  }

  // ---- Sealing anew -----------------------------------------------------------------------------------------------

  /** The block where sealing anew goes on; −1 when nothing is to be sealed. */
  get resealCursor(): number {
    return this.words[AT_RESEAL] === 0 ? -1 : this.words[AT_CURSOR]! + this.words[AT_CURSOR + 1]! * 0x100000000;
  }

  set resealCursor(block: number) {
    this.words[AT_RESEAL] = block < 0 ? 0 : 1;
    this.words[AT_CURSOR] = Math.max(0, block) >>> 0;
    this.words[AT_CURSOR + 1] = Math.floor(Math.max(0, block) / 0x100000000);
  }

  /** Number, in the trailers of blocks, of the first key in the ring. */
  get firstKey(): number {
    return this.words[AT_FIRST_KEY]!;
  }

  set firstKey(number: number) {
    this.words[AT_FIRST_KEY] = number;
  }

  // ---- The ring of data keys --------------------------------------------------------------------------------------

  putRing(cipher: Cipher, volumeKey: Uint8Array, keys: readonly Uint8Array[]): void {
    const plain = new Uint8Array(RING_WORDS * 4);
    plain[0] = keys.length;
    keys.forEach((key, index) => plain.set(key, 4 + index * KEY_SIZE));
    const nonce = this.bytes.subarray(RING_NONCE * 4, RING_NONCE * 4 + NONCE_SIZE);
    cipher.random(nonce);
    cipher.seal(
      cipher.importKey(volumeKey),
      nonce,
      this.#ringContext(),
      plain,
      0,
      plain.length,
      this.bytes,
      RING_SEALED * 4,
    );
    plain.fill(0);
  }

  /** The data keys, oldest first; null when the ring is not authentic. */
  openRing(cipher: Cipher, volumeKey: Uint8Array): Uint8Array[] | null {
    const plain = new Uint8Array(RING_WORDS * 4);
    const nonce = this.bytes.slice(RING_NONCE * 4, RING_NONCE * 4 + NONCE_SIZE);
    if (
      !cipher.open(
        cipher.importKey(volumeKey),
        nonce,
        this.#ringContext(),
        this.bytes,
        RING_SEALED * 4,
        plain.length,
        plain,
        0,
      )
    )
      return null;
    const count = plain[0]!;
    if (count === 0 || count > DATA_KEYS_MAX) return null;
    return Array.from({ length: count }, (_, index) => plain.slice(4 + index * KEY_SIZE, 4 + (index + 1) * KEY_SIZE));
  }

  /** Binds the ring to its volume and device. */
  #ringContext(): Uint8Array {
    return this.bytes.slice(AT_UUID * 4, (AT_DEVICE + 4) * 4);
  }
}
