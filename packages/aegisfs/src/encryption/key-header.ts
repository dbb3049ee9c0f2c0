/**
 * The head of an encrypted device: all that can be read without a key (FORMAT.md §13). It holds the volume's keys, wrapped.
 *
 *   passphrase ── scrypt ──▶ slot key ── opens the slot ──▶ volume key ── opens the ring ──▶ data keys
 *
 * Each of eight slots wraps the same volume key for another passphrase. The ring has the data keys; the last one encrypts what is written now, older
 * ones open what was written before a rotation. The header stands on the device twice and is rewritten one copy after the other.
 */
import type { Cipher, ScryptCost } from "@stratos/host";
import { checksumWords } from "../store/checksum.ts";

/** Bytes in front of the encrypted blocks, and where the header's copies are. */
export const HEADER_AREA = 65536;
export const HEADER_SIZE = 4096;
export const HEADER_PLACES: readonly number[] = [0, 32768];

export const SLOTS = 8;
export const DATA_KEYS_MAX = 8;
export const KEY_SIZE = 32;

const MAGIC_LOW = 0x49474541; // "AEGI"
const MAGIC_HIGH = 0x59454b53; // "SKEY"
const VERSION = 1;
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
const SLOT_STATE = 0; // 1: in use
const SLOT_COST = 1; // logN, r, p
const SLOT_SALT = 4; // 8 words
const SLOT_NONCE = 12; // 3 words
const SLOT_WRAPPED = 16; // 8 words and a tag of 4

// The ring: nonce, then sealed: number of keys, and each with 8 words.
const RING_NONCE = AT_RING;
const RING_SEALED = AT_RING + 4;
const RING_WORDS = 1 + DATA_KEYS_MAX * 8;

/** Costs beyond these take longer, or more memory, than anyone means: such a header is forged. */
const COST_LIMIT = { logN: 22, r: 32, p: 16 };

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
    header.words[AT_VERSION] = VERSION;
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
    return words[AT_VERSION] === VERSION ? header : "unsupported";
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
    return this.words[this.#slot(slot) + SLOT_STATE] === 1;
  }

  cost(slot: number): ScryptCost {
    const at = this.#slot(slot) + SLOT_COST;
    return { logN: this.words[at]!, r: this.words[at + 1]!, p: this.words[at + 2]! };
  }

  #slot(slot: number): number {
    return AT_SLOTS + slot * SLOT_WORDS;
  }

  /** Wraps the volume key for a passphrase. */
  fillSlot(slot: number, cipher: Cipher, passphrase: Uint8Array, cost: ScryptCost, volumeKey: Uint8Array): void {
    const at = this.#slot(slot);
    this.words.fill(0, at, at + SLOT_WORDS);
    this.words.set([1, cost.logN, cost.r, cost.p], at);
    const salt = this.bytes.subarray((at + SLOT_SALT) * 4, (at + SLOT_SALT) * 4 + 32);
    const nonce = this.bytes.subarray((at + SLOT_NONCE) * 4, (at + SLOT_NONCE) * 4 + NONCE_SIZE);
    cipher.random(salt);
    cipher.random(nonce);
    const key = cipher.importKey(cipher.scrypt(passphrase, salt.slice(), cost));
    cipher.seal(key, nonce, this.uuid, volumeKey, 0, KEY_SIZE, this.bytes, (at + SLOT_WRAPPED) * 4);
  }

  clearSlot(slot: number): void {
    const at = this.#slot(slot);
    this.words.fill(0, at, at + SLOT_WORDS);
  }

  /** The volume key, when the passphrase is the slot's; null when it is not. */
  openSlot(slot: number, cipher: Cipher, passphrase: Uint8Array): Uint8Array | null {
    if (!this.isUsed(slot)) return null;
    const cost = this.cost(slot);
    if (cost.logN < 1 || cost.logN > COST_LIMIT.logN || cost.r < 1 || cost.r > COST_LIMIT.r || cost.p < 1 || cost.p > COST_LIMIT.p) return null;
    const at = this.#slot(slot);
    const salt = this.bytes.slice((at + SLOT_SALT) * 4, (at + SLOT_SALT) * 4 + 32);
    const nonce = this.bytes.slice((at + SLOT_NONCE) * 4, (at + SLOT_NONCE) * 4 + NONCE_SIZE);
    const volumeKey = new Uint8Array(KEY_SIZE);
    const key = cipher.importKey(cipher.scrypt(passphrase, salt, cost));
    return cipher.open(key, nonce, this.uuid, this.bytes, (at + SLOT_WRAPPED) * 4, KEY_SIZE, volumeKey, 0) ? volumeKey : null;
  }

  // ---- The ring of data keys --------------------------------------------------------------------------------------

  putRing(cipher: Cipher, volumeKey: Uint8Array, keys: readonly Uint8Array[]): void {
    const plain = new Uint8Array(RING_WORDS * 4);
    plain[0] = keys.length;
    keys.forEach((key, index) => plain.set(key, 4 + index * KEY_SIZE));
    const nonce = this.bytes.subarray(RING_NONCE * 4, RING_NONCE * 4 + NONCE_SIZE);
    cipher.random(nonce);
    cipher.seal(cipher.importKey(volumeKey), nonce, this.#ringContext(), plain, 0, plain.length, this.bytes, RING_SEALED * 4);
    plain.fill(0);
  }

  /** The data keys, oldest first; null when the ring is not authentic. */
  openRing(cipher: Cipher, volumeKey: Uint8Array): Uint8Array[] | null {
    const plain = new Uint8Array(RING_WORDS * 4);
    const nonce = this.bytes.slice(RING_NONCE * 4, RING_NONCE * 4 + NONCE_SIZE);
    if (!cipher.open(cipher.importKey(volumeKey), nonce, this.#ringContext(), this.bytes, RING_SEALED * 4, plain.length, plain, 0)) return null;
    const count = plain[0]!;
    if (count === 0 || count > DATA_KEYS_MAX) return null;
    return Array.from({ length: count }, (_, index) => plain.slice(4 + index * KEY_SIZE, 4 + (index + 1) * KEY_SIZE));
  }

  /** Binds the ring to its volume and device. */
  #ringContext(): Uint8Array {
    return this.bytes.slice(AT_UUID * 4, (AT_DEVICE + 4) * 4);
  }
}

