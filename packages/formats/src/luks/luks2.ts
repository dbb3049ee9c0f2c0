/**
 * LUKS2: a disk whose content is encrypted by a volume key, which a passphrase opens. Source: LUKS2 On-Disk Format
 * Specification 1.1.1; cryptsetup lib/luks1/af.c (the anti-forensic splitter).
 *
 *     header, JSON 16 KiB │ both again │ key slot: the volume key, split into 4000 stripes and encrypted │ … 16 MiB │
 *     content, in sectors of 4 KiB by AES-XTS
 *
 * What others take from chance comes from the passphrase: the volume key by the derivation itself, with a salt of the
 * image's name, so that to guess one costs as much as to guess the other; salts and stripes from that. With the same
 * passphrase the same disk has the same bytes; `random` has all of it from chance.
 */
import { byteStringOf, concatBytes, toBase64, utf8Of } from "@stratos/base";
import type { Disk } from "../disk/disk.ts";
import { viewOf, writeU64 } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

/** What of cryptography a host does natively. */
export interface DiskCipher {
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  pbkdf2(
    secret: Uint8Array,
    salt: Uint8Array,
    options: { readonly iterations: number; readonly length: number },
  ): Uint8Array;
  argon2id(
    secret: Uint8Array,
    salt: Uint8Array,
    options: { readonly passes: number; readonly memoryKiB: number; readonly lanes: number; readonly length: number },
  ): Uint8Array;
  /**
   * Encrypts sectors by AES-256-XTS in place; the tweak of each is its number in units of 512 bytes, little-endian
   * (plain64). @param key  64 bytes
   */
  encryptSectors(
    key: Uint8Array,
    bytes: Uint8Array,
    place: { readonly sectorBytes: number; readonly firstUnit: number },
  ): void;
}

export interface LuksOptions {
  readonly uuid: string;
  readonly label: string;
  /** passphrase or key, as `cryptsetup open` is given it */
  readonly secret: Uint8Array;
  readonly derivation: "argon2id" | "pbkdf2";
  /** what the volume key and salts are derived from beside the secret: another for each image */
  readonly seed: string;
  /** bytes of chance, in place of derived ones */
  readonly random?: (length: number) => Uint8Array;
}

/** Where the content begins: as cryptsetup has it. */
export const LUKS_DATA_OFFSET = 16 << 20;
/** What the content is a number of. */
export const LUKS_SECTOR = 4096;
const HEADER = 4096,
  AREA = 16384,
  JSON_SIZE = AREA - HEADER;
const KEY = 64,
  STRIPES = 4000,
  DIGEST = 32,
  SALT = 32;
const SLOT_AT = 2 * AREA,
  SLOT_SIZE = Math.ceil((KEY * STRIPES) / 4096) * 4096;
const SLOT_SECTOR = 512;
const ARGON2 = { passes: 4, memoryKiB: 65536, lanes: 4 } as const;
/** Of the slot; of the digest, which guards a key that nobody guesses, the least that there is. */
const SLOT_ITERATIONS = 1_000_000,
  DIGEST_ITERATIONS = 1000;
const PIECE = 1 << 20;

/**
 * Writes headers and key slot, and encrypts the content in place: what stands there from `LUKS_DATA_OFFSET` on.
 *
 * @throws FormatError  no secret, or the content is no number of whole sectors
 */
export function sealLuks(disk: Disk, options: LuksOptions, cipher: DiskCipher): void {
  if (options.secret.length === 0) throw new FormatError("an empty passphrase opens to everybody");
  const size = disk.size - LUKS_DATA_OFFSET;
  if (size <= 0 || size % LUKS_SECTOR !== 0)
    throw new FormatError(
      `an encrypted disk has ${LUKS_DATA_OFFSET} bytes before its content, which is a number of sectors of ` +
        `${LUKS_SECTOR}, and this one has ${disk.size}`,
    );
  const seed = utf8Of(`stratos luks2 ${options.seed}`);
  const volumeKey = options.random?.(KEY) ?? derive(options, cipher.sha256(seed), cipher);
  const chance = (what: string, length: number): Uint8Array =>
    options.random?.(length) ?? expand(cipher, concatBytes([volumeKey, utf8Of(what)]), length);
  const slotSalt = chance("slot salt", SALT),
    digestSalt = chance("digest salt", SALT);
  const slot = new Uint8Array(SLOT_SIZE);
  slot.set(split(volumeKey, chance("stripes", KEY * (STRIPES - 1)), cipher));
  cipher.encryptSectors(derive(options, slotSalt, cipher), slot, { sectorBytes: SLOT_SECTOR, firstUnit: 0 });
  disk.write(SLOT_AT, slot);
  const json = metadata(options, {
    slotSalt,
    digestSalt,
    digest: cipher.pbkdf2(volumeKey, digestSalt, { iterations: DIGEST_ITERATIONS, length: DIGEST }),
  });
  disk.write(0, area(options, json, { isSecond: false, salt: chance("header salt", KEY) }, cipher));
  disk.write(AREA, area(options, json, { isSecond: true, salt: chance("second header salt", KEY) }, cipher));
  const buffer = new Uint8Array(PIECE);
  for (let at = 0; at < size; at += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, size - at));
    disk.read(LUKS_DATA_OFFSET + at, piece);
    cipher.encryptSectors(volumeKey, piece, { sectorBytes: LUKS_SECTOR, firstUnit: at / 512 });
    disk.write(LUKS_DATA_OFFSET + at, piece);
  }
}

function derive({ secret, derivation }: LuksOptions, salt: Uint8Array, cipher: DiskCipher): Uint8Array {
  return derivation === "argon2id"
    ? cipher.argon2id(secret, salt, { ...ARGON2, length: KEY })
    : cipher.pbkdf2(secret, salt, { iterations: SLOT_ITERATIONS, length: KEY });
}

/** As many bytes as are asked for, of a secret that has them all. */
function expand(cipher: DiskCipher, secret: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / DIGEST) * DIGEST),
    count = new Uint8Array(4);
  for (let at = 0; at < length; at += DIGEST) {
    viewOf(count).setUint32(0, at / DIGEST);
    bytes.set(cipher.sha256(secret, count), at);
  }
  return bytes.subarray(0, length);
}

/** The key in as many stripes, all of which it takes to have it again. */
function split(key: Uint8Array, chance: Uint8Array, cipher: DiskCipher): Uint8Array {
  const stripes = new Uint8Array(KEY * STRIPES);
  stripes.set(chance);
  let mixed = new Uint8Array(KEY);
  for (let stripe = 0; stripe < STRIPES - 1; stripe++)
    mixed = diffuse(xor(mixed, stripes.subarray(stripe * KEY, (stripe + 1) * KEY)), cipher);
  stripes.set(xor(mixed, key), (STRIPES - 1) * KEY);
  return stripes;
}

function diffuse(bytes: Uint8Array, cipher: DiskCipher): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length),
    number = new Uint8Array(4);
  for (let at = 0; at < bytes.length; at += DIGEST) {
    viewOf(number).setUint32(0, at / DIGEST);
    out.set(cipher.sha256(number, bytes.subarray(at, at + DIGEST)), at);
  }
  return out;
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(left, (byte, index) => byte ^ right[index]!);
}

function metadata(
  { derivation }: LuksOptions,
  made: { slotSalt: Uint8Array; digestSalt: Uint8Array; digest: Uint8Array },
): Uint8Array {
  const salt = toBase64(made.slotSalt);
  const kdf =
    derivation === "argon2id"
      ? { type: "argon2id", time: ARGON2.passes, memory: ARGON2.memoryKiB, cpus: ARGON2.lanes, salt }
      : { type: "pbkdf2", hash: "sha256", iterations: SLOT_ITERATIONS, salt };
  return utf8Of(
    JSON.stringify({
      keyslots: {
        0: {
          type: "luks2",
          key_size: KEY,
          af: { type: "luks1", stripes: STRIPES, hash: "sha256" },
          area: {
            type: "raw",
            offset: String(SLOT_AT),
            size: String(SLOT_SIZE),
            encryption: "aes-xts-plain64",
            key_size: KEY,
          },
          kdf,
        },
      },
      tokens: {},
      segments: {
        0: {
          type: "crypt",
          offset: String(LUKS_DATA_OFFSET),
          size: "dynamic",
          iv_tweak: "0",
          encryption: "aes-xts-plain64",
          sector_size: LUKS_SECTOR,
        },
      },
      digests: {
        0: {
          type: "pbkdf2",
          keyslots: ["0"],
          segments: ["0"],
          hash: "sha256",
          iterations: DIGEST_ITERATIONS,
          salt: toBase64(made.digestSalt),
          digest: toBase64(made.digest),
        },
      },
      config: { json_size: String(JSON_SIZE), keyslots_size: String(LUKS_DATA_OFFSET - SLOT_AT) },
    }),
  );
}

/** Header and JSON, with their digest. */
function area(
  { uuid, label }: LuksOptions,
  json: Uint8Array,
  { isSecond, salt }: { isSecond: boolean; salt: Uint8Array },
  cipher: DiskCipher,
): Uint8Array {
  const bytes = new Uint8Array(AREA),
    view = viewOf(bytes);
  bytes.set(byteStringOf(isSecond ? "SKUL\xba\xbe" : "LUKS\xba\xbe"));
  view.setUint16(6, 2);
  writeU64(view, 8, AREA, false);
  writeU64(view, 16, 1, false);
  bytes.set(byteStringOf(label.replace(/[^\x20-\x7e]/g, "_").slice(0, 47)), 24);
  bytes.set(byteStringOf("sha256"), 72);
  bytes.set(salt, 104);
  bytes.set(byteStringOf(uuid), 168);
  writeU64(view, 256, isSecond ? AREA : 0, false);
  bytes.set(json, HEADER);
  bytes.set(cipher.sha256(bytes), 448);
  return bytes;
}
