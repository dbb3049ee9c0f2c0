/**
 * AES-256-GCM, scrypt and Argon2id without waiting: what WebCrypto has of them gives promises, and the engine runs to
 * completion. Chance is the browser's.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { scrypt } from "@noble/hashes/scrypt.js";
import { CIPHER_TAG_SIZE, type Cipher, type CipherKey, type KeyDerivation } from "@stratos/host";
import { browserRandom } from "./browser-random-source.ts";

class BrowserKey {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
  }
}

export const browserCipher: Cipher = {
  importKey(bytes: Uint8Array): CipherKey {
    return new BrowserKey(bytes);
  },

  seal(
    key: CipherKey,
    nonce: Uint8Array,
    associated: Uint8Array,
    input: Uint8Array,
    at: number,
    length: number,
    output: Uint8Array,
    to: number,
  ): void {
    // Tag and ciphertext come in one piece.
    output.set(gcm((key as BrowserKey).bytes, nonce, associated).encrypt(input.subarray(at, at + length)), to);
  },

  open(
    key: CipherKey,
    nonce: Uint8Array,
    associated: Uint8Array,
    input: Uint8Array,
    at: number,
    length: number,
    output: Uint8Array,
    to: number,
  ): boolean {
    try {
      output.set(
        gcm((key as BrowserKey).bytes, nonce, associated).decrypt(input.subarray(at, at + length + CIPHER_TAG_SIZE)),
        to,
      );
      return true;
    } catch {
      return false;
    }
  },

  derive(passphrase: Uint8Array, salt: Uint8Array, derivation: KeyDerivation): Uint8Array {
    if (derivation.kind === "argon2id") {
      const { memoryKiB, passes, lanes } = derivation;
      return argon2id(passphrase, salt, { t: passes, m: memoryKiB, p: lanes, dkLen: 32, maxmem: 2 ** 32 - 1 });
    }
    const { logN, r, p } = derivation;
    return scrypt(passphrase, salt, { N: 2 ** logN, r, p, dkLen: 32, maxmem: 256 * 2 ** logN * r + (1 << 20) });
  },

  random(bytes: Uint8Array): void {
    browserRandom.fill(bytes);
  },
};
