/** A key that the host holds, imported once and used many times. */
export type CipherKey = object;

/**
 * How a key is made of a passphrase, and at what cost: scrypt (RFC 7914), whose memory is 128 × r × 2^logN bytes, or
 * Argon2id (RFC 9106), version 0x13, without secret and associated data.
 */
export type KeyDerivation =
  | { readonly kind: "scrypt"; readonly logN: number; readonly r: number; readonly p: number }
  | { readonly kind: "argon2id"; readonly memoryKiB: number; readonly passes: number; readonly lanes: number };

/** Bytes that `seal` adds. */
export const CIPHER_TAG_SIZE = 16;

/** AES-256-GCM (NIST SP 800-38D) with nonces of 12 bytes, and what belongs to keys. All calls are synchronous. */
export interface Cipher {
  /** @param bytes  32 of them; not kept */
  importKey(bytes: Uint8Array): CipherKey;
  /**
   * Encrypts `input[at … at + length)` to `output[to …)`, and puts the tag behind it. A nonce must never be used twice
   * with a key.
   */
  seal(
    key: CipherKey,
    nonce: Uint8Array,
    associated: Uint8Array,
    input: Uint8Array,
    at: number,
    length: number,
    output: Uint8Array,
    to: number,
  ): void;
  /**
   * Decrypts `input[at … at + length)`, behind which its tag stands, to `output[to …)`. False when it is not authentic;
   * the output is undefined then.
   */
  open(
    key: CipherKey,
    nonce: Uint8Array,
    associated: Uint8Array,
    input: Uint8Array,
    at: number,
    length: number,
    output: Uint8Array,
    to: number,
  ): boolean;
  /** 32 bytes from a passphrase. */
  derive(passphrase: Uint8Array, salt: Uint8Array, derivation: KeyDerivation): Uint8Array;
  /** Fills with chance that cannot be guessed. */
  random(bytes: Uint8Array): void;
}
