import type { RandomSource } from "@stratos/host";

/** Most bytes that one call of getRandomValues fills (W3C Web Cryptography §10.1.1). */
const RANDOM_MAX = 65536;

/** The browser's cryptographic random numbers. */
export const browserRandom: RandomSource = {
  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += RANDOM_MAX) {
      const part = new Uint8Array(Math.min(RANDOM_MAX, bytes.length - at));
      crypto.getRandomValues(part);
      bytes.set(part, at);
    }
  },
};
