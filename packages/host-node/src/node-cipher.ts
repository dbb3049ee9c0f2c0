/** AES-256-GCM, scrypt and Argon2id by Node's OpenSSL. */
import {
  argon2Sync,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  KeyObject,
  randomFillSync,
  scryptSync,
} from "node:crypto";
import { CIPHER_TAG_SIZE, type Cipher, type CipherKey, type KeyDerivation } from "@stratos/host";

const ALGORITHM = "aes-256-gcm";

export const nodeCipher: Cipher = {
  importKey(bytes: Uint8Array): CipherKey {
    // A KeyObject costs a third of what raw bytes cost in each call.
    return createSecretKey(bytes);
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
    const cipher = createCipheriv(ALGORITHM, key as KeyObject, nonce, { authTagLength: CIPHER_TAG_SIZE });
    cipher.setAAD(associated);
    output.set(cipher.update(input.subarray(at, at + length)), to);
    cipher.final();
    output.set(cipher.getAuthTag(), to + length);
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
    const cipher = createDecipheriv(ALGORITHM, key as KeyObject, nonce, { authTagLength: CIPHER_TAG_SIZE });
    cipher.setAAD(associated);
    cipher.setAuthTag(input.subarray(at + length, at + length + CIPHER_TAG_SIZE));
    const bytes = cipher.update(input.subarray(at, at + length));
    try {
      cipher.final();
    } catch {
      return false;
    }
    output.set(bytes, to);
    return true;
  },

  derive(passphrase: Uint8Array, salt: Uint8Array, derivation: KeyDerivation): Uint8Array {
    if (derivation.kind === "argon2id") {
      const { memoryKiB: memory, passes, lanes: parallelism } = derivation;
      return new Uint8Array(
        argon2Sync("argon2id", { message: passphrase, nonce: salt, memory, passes, parallelism, tagLength: 32 }),
      );
    }
    const { logN, r, p } = derivation;
    const N = 2 ** logN;
    return new Uint8Array(scryptSync(passphrase, salt, 32, { N, r, p, maxmem: 256 * N * r + (1 << 20) }));
  },

  random(bytes: Uint8Array): void {
    randomFillSync(bytes);
  },
};
