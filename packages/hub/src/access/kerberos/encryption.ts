/**
 * Encryption of Kerberos messages with AES: aes{128,256}-cts-hmac-sha1-96 (RFC 3962) and aes128-cts-hmac-sha256-128,
 * aes256-cts-hmac-sha384-192 (RFC 8009). What is older (DES, RC4) is broken, and not here.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export interface EncryptionKey {
  /** Its encryption type (RFC 3961 §8). */
  readonly type: number;
  readonly value: Buffer;
}

export class KerberosCryptoError extends Error {}

interface EncryptionType {
  readonly name: string;
  readonly keyBytes: number;
  readonly cipher: "aes-128" | "aes-256";
  readonly hash: "sha1" | "sha256" | "sha384";
  readonly macBytes: number;
}

const TYPES: ReadonlyMap<number, EncryptionType> = new Map([
  [17, { name: "aes128-cts-hmac-sha1-96", keyBytes: 16, cipher: "aes-128", hash: "sha1", macBytes: 12 }],
  [18, { name: "aes256-cts-hmac-sha1-96", keyBytes: 32, cipher: "aes-256", hash: "sha1", macBytes: 12 }],
  [19, { name: "aes128-cts-hmac-sha256-128", keyBytes: 16, cipher: "aes-128", hash: "sha256", macBytes: 16 }],
  [20, { name: "aes256-cts-hmac-sha384-192", keyBytes: 32, cipher: "aes-256", hash: "sha384", macBytes: 24 }],
]);
/** Told by name to who still has them. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [1, "des-cbc-crc"],
  [3, "des-cbc-md5"],
  [16, "des3-cbc-sha1"],
  [23, "arcfour-hmac"],
  [24, "arcfour-hmac-exp"],
]);
const BLOCK = 16;
const ZEROS = Buffer.alloc(BLOCK);

export function isSupportedType(type: number): boolean {
  return TYPES.has(type);
}

export function typeName(type: number): string {
  return TYPES.get(type)?.name ?? REFUSED.get(type) ?? `encryption type ${type}`;
}

/** @param usage  what for (RFC 4120 §7.5.1) @throws KerberosCryptoError when it was not made with this key */
export function decrypt(key: EncryptionKey, usage: number, message: Buffer): Buffer {
  const type = typeOf(key);
  if (message.length < BLOCK + type.macBytes) throw new KerberosCryptoError("a message is too short");
  const { sealing, proving } = keysFor(key, type, usage);
  const sealed = message.subarray(0, -type.macBytes);
  const mac = message.subarray(-type.macBytes);
  // RFC 8009 §5.2 proves what is sealed, RFC 3961 §5.3 what is in it.
  if (type.hash !== "sha1" && !timingSafeEqual(macOf(type, proving, [ZEROS, sealed]), mac)) throw notOfKey();
  const plain = openBlocks(type, sealing, sealed);
  if (type.hash === "sha1" && !timingSafeEqual(macOf(type, proving, [plain]), mac)) throw notOfKey();
  return plain.subarray(BLOCK);
}

/** @returns what `decrypt` reads */
export function encrypt(key: EncryptionKey, usage: number, message: Uint8Array): Buffer {
  const type = typeOf(key);
  const { sealing, proving } = keysFor(key, type, usage);
  const plain = Buffer.concat([randomBytes(BLOCK), message]);
  const sealed = sealBlocks(type, sealing, plain);
  return Buffer.concat([sealed, macOf(type, proving, type.hash === "sha1" ? [plain] : [ZEROS, sealed])]);
}

function typeOf({ type, value }: EncryptionKey): EncryptionType {
  const found = TYPES.get(type);
  if (found === undefined) throw new KerberosCryptoError(`${typeName(type)} is not taken: expected AES`);
  if (value.length !== found.keyBytes)
    throw new KerberosCryptoError(`a key of ${value.length} bytes is none of ${found.name}`);
  return found;
}

const notOfKey = (): KerberosCryptoError => new KerberosCryptoError("a message was not made with this key");

function macOf(type: EncryptionType, key: Buffer, parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac(type.hash, key);
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, type.macBytes);
}

/** RFC 3961 §5.3 (Ke, Ki); RFC 8009 §5. */
function keysFor(key: EncryptionKey, type: EncryptionType, usage: number): { sealing: Buffer; proving: Buffer } {
  const constant = (last: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(usage);
    bytes[4] = last;
    return bytes;
  };
  const derive = (last: number, bytes: number): Buffer =>
    type.hash === "sha1"
      ? derivedByCipher(type, key.value, constant(last))
      : derivedByHmac(type, key.value, constant(last), bytes);
  return { sealing: derive(0xaa, type.keyBytes), proving: derive(0x55, type.keyBytes === 16 ? 16 : 24) };
}

/** RFC 8009 §3. */
function derivedByHmac(type: EncryptionType, key: Buffer, label: Buffer, bytes: number): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(bytes * 8);
  return createHmac(type.hash, key)
    .update(Buffer.concat([Buffer.from([0, 0, 0, 1]), label, Buffer.from([0]), bits]))
    .digest()
    .subarray(0, bytes);
}

/** RFC 3961 §5.1: the constant, stretched, is sealed again and again. */
function derivedByCipher(type: EncryptionType, key: Buffer, constant: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let block = fold(constant, BLOCK), bytes = 0; bytes < type.keyBytes; bytes += BLOCK) {
    block = cbc(type, key, block, true);
    parts.push(block);
  }
  return Buffer.concat(parts).subarray(0, type.keyBytes);
}

/**
 * RFC 3961 §5.1, n-fold: copies of the text, each turned 13 bits further right than the one before, are cut into pieces
 * of `bytes` and added up in ones' complement.
 */
export function fold(text: Uint8Array, bytes: number): Buffer {
  const bits = text.length * 8;
  const total = leastCommonMultiple(text.length, bytes);
  const sums = new Uint32Array(bytes);
  for (let at = 0; at < total; at++) {
    const turn = 13 * Math.floor(at / text.length);
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) {
      const from = ((((at % text.length) * 8 + bit - turn) % bits) + bits) % bits;
      byte = (byte << 1) | ((text[from >> 3]! >> (7 - (from & 7))) & 1);
    }
    sums[at % bytes]! += byte;
  }
  for (let carry = 0, round = 0; round === 0 || carry !== 0; round++) {
    for (let at = bytes - 1; at >= 0; at--) {
      const sum = sums[at]! + carry;
      sums[at] = sum & 0xff;
      carry = sum >>> 8;
    }
  }
  return Buffer.from(sums);
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

function cbc(type: EncryptionType, key: Buffer, blocks: Uint8Array, seals: boolean): Buffer {
  const name = `${type.cipher}-cbc`;
  const cipher = seals ? createCipheriv(name, key, ZEROS) : createDecipheriv(name, key, ZEROS);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}

/** CBC with ciphertext stealing (RFC 3962 §5): the last two blocks change places, and the last is cut. */
function sealBlocks(type: EncryptionType, key: Buffer, plain: Buffer): Buffer {
  const whole = Math.ceil(plain.length / BLOCK) * BLOCK;
  const sealed = cbc(type, key, Buffer.concat([plain, ZEROS.subarray(0, whole - plain.length)]), true);
  if (whole === BLOCK) return sealed;
  return Buffer.concat([
    sealed.subarray(0, whole - 2 * BLOCK),
    sealed.subarray(whole - BLOCK),
    sealed.subarray(whole - 2 * BLOCK, plain.length - BLOCK),
  ]);
}

function openBlocks(type: EncryptionType, key: Buffer, sealed: Buffer): Buffer {
  if (sealed.length === BLOCK) return cbc(type, key, sealed, false);
  const cut = sealed.length % BLOCK === 0 ? BLOCK : sealed.length % BLOCK;
  const before = sealed.subarray(0, -BLOCK - cut);
  const lastOfChain = sealed.subarray(-BLOCK - cut, -cut);
  const stolen = sealed.subarray(-cut);
  // Without a chain, it is the last block of text mixed with the block before it, whose cut end is thereby known.
  const mixed = cbc(type, key, lastOfChain, false);
  const chain = Buffer.concat([before, stolen, mixed.subarray(cut)]);
  const last = Buffer.from(stolen.map((byte, at) => byte ^ mixed[at]!));
  return Buffer.concat([cbc(type, key, chain, false), last]);
}
