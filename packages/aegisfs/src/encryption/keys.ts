/** Making, opening and re-keying encrypted devices. */
import type { BlockDevice, Cipher, KeyDerivation } from "@stratos/host";
import { BLOCK_SIZE } from "../format/geometry.ts";
import type { KeyError } from "./key-error.ts";
import { DATA_KEYS_MAX, HEADER_AREA, HEADER_PLACES, HEADER_SIZE, KEY_SIZE, KeyHeader, SLOTS } from "./key-header.ts";
import { clearMoves, finishMoves, Reseal } from "./reseal.ts";
import { SEALED_SIZE, SealedDevice } from "./sealed-device.ts";

/** The trailer of a block has two bytes for it. */
const KEY_NUMBER_MAX = 0xffff;

/** What makes guessing dear: 128 MiB and a few tenths of a second for each guess. */
export const SCRYPT: KeyDerivation = { kind: "scrypt", logN: 17, r: 8, p: 1 };
/** RFC 9106 §4, the second recommended option: 64 MiB. */
export const ARGON2ID: KeyDerivation = { kind: "argon2id", memoryKiB: 65536, passes: 3, lanes: 4 };

export interface KeyOptions {
  /** How the key of a passphrase's slot is made; default: `SCRYPT`. */
  derivation?: KeyDerivation;
}
interface NewSlotOptions extends KeyOptions {
  /** Default: the first that is free. */
  slot?: number;
}

/** Is this the head of an encrypted device? */
export function isEncrypted(device: BlockDevice): boolean {
  return typeof readHeader(device) !== "string";
}

/** Slots in use, without a key. */
export function keySlots(device: BlockDevice): { slot: number; derivation: KeyDerivation }[] | KeyError {
  const header = readHeader(device);
  if (typeof header === "string") return header;
  return Array.from({ length: SLOTS }, (_, slot) => slot)
    .filter((slot) => header.isUsed(slot))
    .map((slot) => ({ slot, derivation: header.derivation(slot) }));
}

/** An open encrypted device and its keys: mount `device`. */
export class EncryptedDevice {
  readonly device: SealedDevice;
  readonly #header: KeyHeader;
  /** As both copies on the device have it. */
  #written: Uint8Array;
  readonly #cipher: Cipher;
  #volumeKey: Uint8Array;
  #keys: Uint8Array[];

  private constructor(raw: BlockDevice, cipher: Cipher, header: KeyHeader, volumeKey: Uint8Array, keys: Uint8Array[]) {
    this.#header = header;
    this.#written = header.bytes.slice();
    this.#cipher = cipher;
    this.#volumeKey = volumeKey;
    this.#keys = keys;
    this.device = new SealedDevice(raw, cipher, header.device, keys, header.firstKey);
  }

  /** Makes an encrypted device of the raw one, which loses what it held. `format` its `device` next. */
  static create(
    raw: BlockDevice,
    cipher: Cipher,
    uuid: Uint8Array,
    passphrase: Uint8Array,
    options: KeyOptions = {},
  ): EncryptedDevice | KeyError {
    if (raw.size < HEADER_AREA + 16 * SEALED_SIZE) return "device-too-small";
    const random = new Uint8Array(16 + 2 * KEY_SIZE);
    cipher.random(random);
    const header = KeyHeader.create(uuid, random.subarray(0, 16));
    const volumeKey = random.slice(16, 16 + KEY_SIZE);
    const keys = [random.slice(16 + KEY_SIZE)];
    header.fillSlot(0, cipher, passphrase, options.derivation ?? SCRYPT, volumeKey);
    header.putRing(cipher, volumeKey, keys);
    const encrypted = new EncryptedDevice(raw, cipher, header, volumeKey, keys);
    return encrypted.#establish() ?? encrypted;
  }

  /**
   * An encrypted device of another raw one, for the volume that this one is of: the passphrases that open this one open
   * it, in the same slots, and none of them is needed. It has a data key of its own. The raw device keeps what it holds
   * until the first write to `device`.
   */
  createFellow(raw: BlockDevice): EncryptedDevice | KeyError {
    if (raw.size < HEADER_AREA + 16 * SEALED_SIZE) return "device-too-small";
    const random = new Uint8Array(16 + KEY_SIZE);
    this.#cipher.random(random);
    const header = KeyHeader.create(this.#header.uuid, random.subarray(0, 16));
    const keys = [random.slice(16)];
    header.copySlots(this.#header);
    header.putRing(this.#cipher, this.#volumeKey, keys);
    const fellow = new EncryptedDevice(raw, this.#cipher, header, this.#volumeKey, keys);
    fellow.device.prepare(() => fellow.#establish() === null);
    return fellow;
  }

  /** What is on the device opens never more. */
  destroy(): 0 | KeyError {
    const { raw } = this.device;
    return raw.write(0, new Uint8Array(HEADER_AREA), 0, HEADER_AREA) < 0 || raw.flush() < 0 ? "device-error" : 0;
  }

  /** Takes the place of what the device held. */
  #establish(): KeyError | null {
    const { raw } = this.device;
    const zeros = new Uint8Array(HEADER_AREA);
    if (raw.write(0, zeros, 0, HEADER_AREA) < 0) return "device-error";
    // What an older volume left where superblocks are would be read as damaged ones.
    for (let at = HEADER_AREA; at < HEADER_AREA + 260 * SEALED_SIZE && at + BLOCK_SIZE <= raw.size; at += BLOCK_SIZE) {
      if (raw.write(at, zeros, 0, BLOCK_SIZE) < 0) return "device-error";
    }
    return this.#writeHeader();
  }

  static open(raw: BlockDevice, cipher: Cipher, passphrase: Uint8Array): EncryptedDevice | KeyError {
    const header = readHeader(raw);
    if (typeof header === "string") return header;
    for (let slot = 0; slot < SLOTS; slot++) {
      const volumeKey = header.openSlot(slot, cipher, passphrase);
      if (volumeKey === null) continue;
      const keys = header.openRing(cipher, volumeKey);
      if (keys === null) return "damaged";
      const encrypted = new EncryptedDevice(raw, cipher, header, volumeKey, keys);
      return header.resealCursor >= 0 && !finishMoves(encrypted.device) ? "device-error" : encrypted;
    }
    return "wrong-passphrase";
  }

  get slots(): number[] {
    return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => this.#header.isUsed(slot));
  }

  /** Data keys in the ring. */
  get keyCount(): number {
    return this.#keys.length;
  }

  /** The slots that a passphrase opens; each that is in use costs a guess. */
  slotsOf(passphrase: Uint8Array): number[] {
    return this.slots.filter((slot) => this.#header.openSlot(slot, this.#cipher, passphrase) !== null);
  }

  /** Another passphrase that opens the volume. Returns its slot. */
  addPassphrase(passphrase: Uint8Array, options: NewSlotOptions = {}): number | KeyError {
    const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => !this.#header.isUsed(slot));
    const slot = options.slot ?? free[0];
    if (slot === undefined || !free.includes(slot)) return "no-free-slot";
    this.#header.fillSlot(slot, this.#cipher, passphrase, options.derivation ?? SCRYPT, this.#volumeKey);
    return this.#writeHeader() ?? slot;
  }

  /**
   * The slot's passphrase opens nothing any more. Who kept a copy of the old header can still open the data that was
   * there: see `rotate`.
   */
  removeSlot(slot: number): 0 | KeyError {
    if (slot >= SLOTS || !this.#header.isUsed(slot)) return "no-slot";
    if (this.slots.length === 1) return "last-slot";
    this.#header.clearSlot(slot);
    return this.#writeHeader() ?? 0;
  }

  /** Puts a new passphrase in the place of another, which opens nothing any more. Returns the slot. */
  changePassphrase(before: Uint8Array, after: Uint8Array, options: KeyOptions = {}): number | KeyError {
    const [slot, ...others] = this.slotsOf(before);
    if (slot === undefined) return "wrong-passphrase";
    this.#header.fillSlot(slot, this.#cipher, after, options.derivation ?? SCRYPT, this.#volumeKey);
    for (const other of others) this.#header.clearSlot(other);
    return this.#writeHeader() ?? slot;
  }

  /** The passphrase opens nothing any more. */
  removePassphrase(passphrase: Uint8Array): 0 | KeyError {
    const slots = this.slotsOf(passphrase);
    if (slots.length === this.slots.length) return "last-slot";
    for (const slot of slots) this.#header.clearSlot(slot);
    return this.#writeHeader() ?? 0;
  }

  /**
   * New keys: what is written from now on is sealed with a new data key, and a new volume key guards them all. Only the
   * given passphrase stays; others have to be added again. What is on the device stays sealed with the keys that it has
   * until it is written anew.
   */
  rotate(passphrase: Uint8Array, options: KeyOptions = {}): 0 | KeyError {
    if (this.#keys.length === DATA_KEYS_MAX || this.#header.firstKey + this.#keys.length > KEY_NUMBER_MAX)
      return "too-many-keys";
    const slot = this.slots.find((each) => this.#header.openSlot(each, this.#cipher, passphrase) !== null);
    if (slot === undefined) return "wrong-passphrase";
    const random = new Uint8Array(2 * KEY_SIZE);
    this.#cipher.random(random);
    const volumeKey = random.slice(0, KEY_SIZE);
    const keys = [...this.#keys, random.slice(KEY_SIZE)];
    for (const other of this.slots) this.#header.clearSlot(other);
    this.#header.fillSlot(slot, this.#cipher, passphrase, options.derivation ?? SCRYPT, volumeKey);
    this.#header.putRing(this.#cipher, volumeKey, keys);
    // What is sealed anew has to be looked at from the beginning.
    if (this.isResealing) this.#header.resealCursor = 0;
    return this.#writeHeader(volumeKey, keys) ?? 0;
  }

  /** Was sealing anew begun, and not finished? */
  get isResealing(): boolean {
    return this.#header.resealCursor >= 0;
  }

  /**
   * Begins to seal with the newest data key what older ones sealed, or goes on where that was left; at its end the
   * older keys are forgotten, and a copy of an old header opens nothing that is on the device.
   */
  reseal(): Reseal | KeyError {
    const header = this.#header;
    if (header.resealCursor < 0) {
      if (!clearMoves(this.device.raw)) return "device-error";
      header.resealCursor = 0;
      const failed = this.#writeHeader();
      if (failed !== null) return failed;
    }
    return new Reseal(this.device, header.resealCursor, (cursor) => {
      header.resealCursor = cursor;
      if (cursor >= 0) return this.#writeHeader();
      const keys = this.#keys.slice(-1);
      header.firstKey += this.#keys.length - 1;
      header.putRing(this.#cipher, this.#volumeKey, keys);
      return this.#writeHeader(this.#volumeKey, keys);
    });
  }

  /**
   * One copy after the other, each durable, so that a crash leaves one that is whole. The keys in it count from
   * then on; when the device fails, all is as it was before.
   */
  #writeHeader(volumeKey = this.#volumeKey, keys = this.#keys): KeyError | null {
    const { raw } = this.device;
    const bytes = this.#header.encode();
    for (const place of HEADER_PLACES) {
      if (raw.write(place, bytes, 0, HEADER_SIZE) >= 0 && raw.flush() >= 0) continue;
      this.#header.bytes.set(this.#written);
      return "device-error";
    }
    this.#written = bytes.slice();
    this.#volumeKey = volumeKey;
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.device.useKeys(keys, this.#header.firstKey);
    }
    return null;
  }
}

function readHeader(device: BlockDevice): KeyHeader | KeyError {
  const bytes = new Uint8Array(HEADER_SIZE);
  let newest: KeyHeader | null = null;
  let answer: KeyError = "not-encrypted";
  for (const place of HEADER_PLACES) {
    if (place + HEADER_SIZE > device.size) continue;
    if (device.read(place, bytes, 0, HEADER_SIZE) < 0) {
      answer = "device-error";
      continue;
    }
    const header = KeyHeader.decode(bytes);
    if (header === "unsupported") answer = "unsupported";
    else if (header !== "invalid" && (newest === null || header.sequence > newest.sequence)) newest = header;
  }
  return newest ?? answer;
}
