import { SeededRandom } from "@stratos/base";
import { CIPHER_TAG_SIZE } from "../cipher.ts";
import type { Cipher, CipherKey, KeyDerivation } from "../cipher.ts";

class SimulatedKey {
  readonly words: Uint32Array;
  /** Nonces that were used, as text. */
  readonly nonces = new Set<string>();

  constructor(bytes: Uint8Array) {
    this.words = new Uint32Array(bytes.slice(0, 32).buffer);
  }
}

/**
 * A cipher for simulations: deterministic, quick, without any strength. It behaves like an authenticated cipher towards
 * accidents, and throws when a nonce is used twice with a key, which the real one would let pass in silence.
 */
export class SimulatedCipher implements Cipher {
  readonly #random: SeededRandom;
  readonly #keys = new Map<string, SimulatedKey>();

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  importKey(bytes: Uint8Array): CipherKey {
    // One object for each key, so that reuse is seen across everything that imports it.
    const name = bytes.join();
    let key = this.#keys.get(name);
    if (key === undefined) this.#keys.set(name, (key = new SimulatedKey(bytes)));
    return key;
  }

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
    const { nonces } = key as SimulatedKey;
    const name = nonce.join();
    if (nonces.has(name)) throw new Error("a nonce was used twice");
    nonces.add(name);
    apply(key as SimulatedKey, nonce, input, at, length, output, to);
    output.set(tagOf(key as SimulatedKey, nonce, associated, output, to, length), to + length);
  }

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
    const tag = tagOf(key as SimulatedKey, nonce, associated, input, at, length);
    for (let index = 0; index < CIPHER_TAG_SIZE; index++) if (input[at + length + index] !== tag[index]) return false;
    apply(key as SimulatedKey, nonce, input, at, length, output, to);
    return true;
  }

  derive(passphrase: Uint8Array, salt: Uint8Array, derivation: KeyDerivation): Uint8Array {
    const bytes = new Uint8Array(32);
    let state = 0;
    for (const byte of [...JSON.stringify(derivation)]
      .map((character) => character.charCodeAt(0))
      .concat([...passphrase], 256, [...salt]))
      state = Math.imul(state ^ byte, 0x01000193) + 0x9e3779b9;
    new SeededRandom(state >>> 0).fill(bytes);
    return bytes;
  }

  random(bytes: Uint8Array): void {
    this.#random.fill(bytes);
  }
}

function mix(key: SimulatedKey, bytes: Uint8Array, state: number): number {
  for (const byte of bytes) state = Math.imul(state ^ byte, 0x01000193);
  for (const word of key.words) state = Math.imul(state ^ word, 0x85ebca77);
  return (state ^ (state >>> 15)) >>> 0;
}

function apply(
  key: SimulatedKey,
  nonce: Uint8Array,
  input: Uint8Array,
  at: number,
  length: number,
  output: Uint8Array,
  to: number,
): void {
  let state = mix(key, nonce, 1);
  for (let index = 0; index < length; index++) {
    state = Math.imul(state ^ (state >>> 13), 0x9e3779b1) + 0x7f4a7c15;
    output[to + index] = input[at + index]! ^ (state >>> 24);
  }
}

function tagOf(
  key: SimulatedKey,
  nonce: Uint8Array,
  associated: Uint8Array,
  bytes: Uint8Array,
  at: number,
  length: number,
): Uint8Array {
  const tag = new Uint32Array(4);
  let a = mix(key, nonce, 2);
  let b = mix(key, associated, 3);
  for (let index = 0; index < length; index++) {
    a = Math.imul(a ^ bytes[at + index]!, 0x01000193);
    b = Math.imul(b + bytes[at + index]!, 0x85ebca77) ^ (a >>> 9);
  }
  tag.set([a, b, a ^ (b << 7), Math.imul(a, 31) + b]);
  return new Uint8Array(tag.buffer);
}
